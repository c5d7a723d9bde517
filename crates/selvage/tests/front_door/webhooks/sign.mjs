// Signs a call as its sender would: Standard Webhooks by the official library (npm `standardwebhooks`), its asymmetric form and plain
// keyed hashes by Node.js. Takes the directory of the packages and a JSON list of {scheme, secret, id, at, body}; prints their signatures.
import { createHmac, createPrivateKey, sign } from 'node:crypto';
import { createRequire } from 'node:module';

const [root, calls] = process.argv.slice(2);
const { Webhook } = createRequire(`${root}/package.json`)('standardwebhooks');
const PKCS8 = '302e020100300506032b657004220420';

const signed = ({ scheme, secret, id, at, body }) => {
  if (scheme === 'v1') return new Webhook(secret).sign(id, new Date(at * 1000), body);
  if (scheme === 'v1a') {
    const der = Buffer.concat([Buffer.from(PKCS8, 'hex'), Buffer.from(secret, 'hex')]);
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    return `v1a,${sign(null, Buffer.from(`${id}.${at}.${body}`), key).toString('base64')}`;
  }
  const text = scheme === 'body' ? body : `${at}.${body}`;
  return createHmac('sha256', secret).update(text).digest('hex');
};
console.log(JSON.stringify(JSON.parse(calls).map(signed)));
