// A partner server for mayday: log-in, token info, signing, webhook. See ../README.md.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { expiringUserHash, userHash } from './signing.mjs';

const { PORT = '8090', APP_ID = 'shop', APP_SECRET, AUDIENCE = 'safety-app', API_KEY, WEBHOOK_SECRET = '' } = process.env;
const TOKEN_LIFE = 600; // seconds; mayday takes an hour at most
const TOLERANCE = 300; // seconds that a notification's time may be off
const MAX_BODY = 64 * 1024;

const tokens = new Map(); // token -> { user, iat, exp }; in your database
const heard = new Set(); // webhook-id; in your database, with a unique index

const now = () => Math.floor(Date.now() / 1000);
const same = (a, b) => timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
const live = token => (tokens.get(token)?.exp > now() ? tokens.get(token) : undefined);
const bearer = request => request.headers.authorization?.replace(/^Bearer /, '');

/** Your own log-in. Each gets a token of its own; `user` is the same for a person for ever. */
function login(body) {
  const { user } = JSON.parse(body);
  if (!/^[\w.-]{1,64}$/.test(user)) return [400, { error: 'user' }];
  for (const [token, { exp }] of tokens) if (exp <= now()) tokens.delete(token);
  const token = randomBytes(32).toString('base64url');
  tokens.set(token, { user, iat: now(), exp: now() + TOKEN_LIFE });
  return [200, { user, token }];
}

/** mayday asks what a token is. 200 means valid: whatever else is no 200. */
function tokenInfo(body, request) {
  if (API_KEY && !same(request.headers['x-api-key'] ?? '', API_KEY)) return [401, { error: 'invalid_client' }];
  const token = new URLSearchParams(body.toString()).get('token');
  const known = token && live(token);
  if (!known) return [token ? 401 : 400, { error: token ? 'invalid_token' : 'invalid_request' }];
  const { user, iat, exp } = known;
  return [200, { sub: user, iat, exp, email: `${user}@example.org`, name: user, aud: AUDIENCE }];
}

/** A user hash, for nobody but the user who is logged in. */
function sign(_, request, query) {
  const known = live(bearer(request));
  if (!known) return [401, { error: 'log in first' }];
  if (!APP_SECRET) return [404, { error: 'no APP_SECRET' }];
  const hash = query.get('kind') === 'static'
    ? userHash(APP_SECRET, known.user)
    : expiringUserHash(APP_SECRET, APP_ID, known.user, now() + 86400);
  return [200, { appId: APP_ID, externalUserId: known.user, userHash: hash }];
}

/** Notifications: the signature over the raw body first, then the body, each id once. */
function webhook(body, request) {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': shown = '' } = request.headers;
  if (!id || !(Math.abs(now() - Number(at)) <= TOLERANCE)) return [400, { error: 'stale' }];
  const wanted = WEBHOOK_SECRET.split(' ').filter(Boolean).map(secret => {
    const mac = createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64'));
    return `v1,${mac.update(`${id}.${at}.`).update(body).digest('base64')}`;
  });
  if (!shown.split(' ').some(one => wanted.some(ours => same(one, ours)))) return [401, { error: 'signature' }];
  const { user, title, data } = JSON.parse(body);
  if (heard.has(id)) console.log(`webhook: again ${data.type} ${user}`);
  else {
    heard.add(id);
    // A type that is not known is acknowledged too: there will be more.
    if (data.type === 'signature.reset_failed') for (const [t, k] of tokens) if (k.user === user) tokens.delete(t);
    console.log(`webhook: heard ${data.type} ${user}: ${title}`);
  }
  return [204];
}

const routes = { '/login': login, '/tokeninfo': tokenInfo, '/sign': sign, '/webhook': webhook };

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://partner');
  const route = routes[url.pathname];
  let [status, answer] = [404, { error: 'not found' }];
  try {
    const parts = [];
    let size = 0;
    for await (const part of request) {
      if ((size += part.length) > MAX_BODY) return request.destroy();
      parts.push(part);
    }
    if (route && request.method === 'POST') [status, answer] = route(Buffer.concat(parts), request, url.searchParams);
  } catch {
    [status, answer] = [400, { error: 'malformed' }];
  }
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(answer && JSON.stringify(answer));
}).listen(Number(PORT), '127.0.0.1', function () {
  console.log(`listening on http://127.0.0.1:${this.address().port}`);
});
