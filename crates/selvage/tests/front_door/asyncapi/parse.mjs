// Judges AsyncAPI documents by the parser that the AsyncAPI initiative keeps (npm `@asyncapi/parser`): one line of JSON for each
// file, with all that it finds.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [root, ...files] = process.argv.slice(2);
const { Parser } = createRequire(`${root}/package.json`)('@asyncapi/parser');
const parser = new Parser();
for (const file of files) {
  const { document, diagnostics } = await parser.parse(readFileSync(file, 'utf8'));
  const found = diagnostics.map(({ code, severity, message, path }) => ({ code, severity, message, path: path.join('/') }));
  const operations = document?.operations().all().map((operation) => `${operation.action()} ${operation.id()}`);
  const messages = document?.messages().all().length;
  console.log(JSON.stringify({ file, found, operations, messages }));
}
