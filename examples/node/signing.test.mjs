import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { expiringUserHash, userHash } from './signing.mjs';

const vectors = JSON.parse(readFileSync(new URL('../../docs/signing-vectors.json', import.meta.url)));

test('static hashes are the published ones', () => {
  assert.ok(vectors.static.length > 10);
  for (const v of vectors.static) {
    assert.equal(userHash(v.secret, v.externalUserId), v.userHash, v.externalUserId);
  }
});

test('expiring hashes are the published ones', () => {
  assert.ok(vectors.expiring.length > 10);
  for (const v of vectors.expiring) {
    assert.equal(expiringUserHash(v.secret, v.appId, v.externalUserId, v.expiry), v.userHash, v.externalUserId);
  }
});
