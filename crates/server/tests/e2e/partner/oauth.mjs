// A standard OAuth client that knows nothing of mayday: discovery (RFC 8414), token
// exchange (RFC 8693), refresh (RFC 6749). It reads its stage from standard input.
import { pathToFileURL } from 'node:url';

const oauth = await import(pathToFileURL(`${process.argv[2]}/node_modules/oauth4webapi/build/index.js`));
const stage = JSON.parse(await new Response(process.stdin).text());
const insecure = { [oauth.allowInsecureRequests]: true };

const issuer = new URL(stage.issuer);
const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure });
const server = await oauth.processDiscoveryResponse(issuer, discovered);
const client = { client_id: stage.client };

const exchange = new URLSearchParams({
  subject_token: stage.token,
  subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
});
const grant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const answered = await oauth.genericTokenEndpointRequest(server, client, oauth.None(), grant, exchange, insecure);
const session = await oauth.processGenericTokenEndpointResponse(server, client, answered);

const again = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), session.refresh_token, insecure);
const renewed = await oauth.processRefreshTokenResponse(server, client, again);

const refused = await oauth
  .genericTokenEndpointRequest(server, client, oauth.None(), grant, new URLSearchParams({ ...Object.fromEntries(exchange), subject_token: 'made-up' }), insecure)
  .then(response => oauth.processGenericTokenEndpointResponse(server, client, response))
  .then(() => 'taken', error => error.error ?? String(error));

console.log(JSON.stringify({ session, renewed, refused }));
