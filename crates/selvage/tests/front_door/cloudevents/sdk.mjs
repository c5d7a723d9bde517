// Speaks CloudEvents by the SDK of the CloudEvents project (npm `cloudevents`). `send URL`, with a key in KEY: makes an event in each mode,
// sends it, and prints a line of JSON for each with what it made and what was answered. `read`: reads events from lines of JSON and prints
// them as the SDK has them then.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [root, command, url] = process.argv.slice(2);
const { CloudEvent, HTTP } = createRequire(`${root}/package.json`)('cloudevents');

const event = (id, more) =>
  new CloudEvent({
    id,
    source: '/mes-ghent/javascript',
    type: 'manufacturing.machine.stopped',
    subject: 'press 4 "north"',
    time: '2026-11-26T06:30:00.250Z',
    datacontenttype: 'application/json',
    shift: 'early',
    data: { machine: 'press-4', site: 'ghent', state: 'stopped', cause: 'fault', since: '2026-11-26T06:30:00Z' },
    ...more,
  });
const batch = (...events) => ({
  headers: { 'content-type': 'application/cloudevents-batch+json' },
  body: JSON.stringify(events),
});

if (command === 'send') {
  const [one, two] = [event('js-batch-1', { subject: 'Größe 100 %' }), event('js-batch-2', { line: 3, alarm: true })];
  const structured = event('js-structured', { line: 3, alarm: true, subject: 'Größe 100 %' });
  const binary = event('js-binary', { line: 3, alarm: true });
  const sent = [
    ['structured', HTTP.structured(structured), [structured]],
    ['binary', HTTP.binary(binary), [binary]],
    ['batch', batch(one, two), [one, two]],
  ];
  for (const [mode, message, made] of sent) {
    const headers = { ...message.headers, authorization: `Bearer ${process.env.KEY}` };
    const answer = await fetch(url, { method: 'POST', headers, body: message.body });
    console.log(JSON.stringify({ mode, status: answer.status, answer: await answer.json(), made }));
  }
} else {
  const headers = { 'content-type': 'application/cloudevents+json' };
  const lines = readFileSync(0, 'utf8').trim().split('\n');
  for (const body of lines) {
    const event = HTTP.toEvent({ headers, body });
    if (!event.validate()) throw new Error(body);
    console.log(JSON.stringify(event));
  }
}
