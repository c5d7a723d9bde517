// An OpenID provider of somebody else's making (npm `oidc-provider`), for the tests: clients get access tokens as JWTs.
// Prints `provider: ADDRESS`. A line `rotate` on its input makes it sign with a new key and forget the old one, `away` makes it
// answer nothing but 503, `back` ends that.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { generateKeyPairSync, randomUUID } from 'node:crypto';

const { default: Provider } = await import(`${process.argv[2]}/node_modules/oidc-provider/lib/index.js`);

const client = (id) => ({
  client_id: id,
  client_secret: 'not-a-secret',
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
});

let issuer;
let handler;
let away = false;

function sign() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'ES256' };
  const provider = new Provider(issuer, {
    clients: [client('pump-desk'), client('nobody')],
    jwks: { keys: [key] },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    ttl: { ClientCredentials: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:selvage',
        getResourceServerInfo: (_, resource) => ({
          scope: 'use',
          audience: resource,
          accessTokenTTL: 600,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  });
  handler = provider.callback();
}

const server = createServer((request, response) => {
  if (away) {
    response.writeHead(503).end();
  } else {
    handler(request, response);
  }
});
server.listen(0, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  sign();
  console.log(`provider: ${issuer}`);
});
createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (line === 'rotate') sign();
    else away = line === 'away';
    console.log(`did: ${line}`);
  })
  .on('close', () => process.exit(0));
