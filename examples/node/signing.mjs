// User hashes for signed sessions (docs/signing.md). The secret never leaves your server.
import { createHmac } from 'node:crypto';

const mac = (secret, text) => createHmac('sha256', secret).update(text, 'utf8').digest('hex');

/** The static user hash. */
export function userHash(secret, externalUserId) {
  return mac(secret, externalUserId);
}

/** The expiring user hash; `expiry` is in unix seconds. */
export function expiringUserHash(secret, appId, externalUserId, expiry) {
  return `x1.${expiry}.${mac(secret, ['', 'x1', expiry, appId, externalUserId].join('\0'))}`;
}
