// What applications do with the platform's JavaScript SDK, against a daemon that has nobody but its
// administrator: wazo-sdk.cjs HOST:PORT PASSWORD
'use strict';

const assert = require('node:assert/strict');
const { WazoApiClient } = require('@wazo/sdk');

const [server, adminPassword] = process.argv.slice(2);
const PASSWORD = 's3cre7-of-alice';
const SECONDS = 600;

const client = (clientId) => {
  const made = new WazoApiClient({ server, clientId });
  made.client.disableErrorLogging();
  return made;
};

// A client that has logged in, and its session.
const logIn = async (username, password, clientId) => {
  const made = client(clientId);
  const session = await made.auth.logIn({ username, password, expiration: SECONDS });
  made.setToken(session.token);
  made.setRefreshToken(session.refreshToken);
  return [made, session];
};

const named = (list, key) => list.items.map((item) => item[key]);

// Users, groups, policies and tenants, as an administration tool has them.
const administer = async () => {
  const [admin, session] = await logIn('admin', adminPassword);
  assert.equal(session.refreshToken, null, 'nothing offline without a client');
  const alice = await admin.auth.createUser('alice', PASSWORD, 'Alice', 'Anderson');
  await admin.auth.addUserEmail(alice.uuid, 'alice@example.com', true);
  const group = await admin.auth.createGroup('callers');
  const policy = await admin.auth.createPolicy('calls', 'Calls of everybody', ['calld.#']);
  const own = await admin.auth.createPolicy('self', '', [
    'auth.users.me.#', 'auth.users.*.password.update', 'auth.users.read',
  ]);
  assert.deepEqual(policy.acl, ['calld.#']);
  // The SDK reads JSON from these two answers, which are 204 by contract: it asks, and then rejects.
  await assert.rejects(admin.auth.addUserPolicy(alice.uuid, own.uuid), SyntaxError);
  await assert.rejects(admin.auth.addUserGroup(alice.uuid, group.uuid), SyntaxError);
  const tenant = await admin.auth.createTenant('subsidiary');
  const changed = await admin.auth.updateTenant(tenant.uuid, 'branch', alice.uuid, '555', { city: 'Quebec' });
  assert.equal(changed.address.city, 'Quebec');

  assert.deepEqual(named(await admin.auth.listUsers(), 'username'), ['admin', 'alice']);
  assert.deepEqual(named(await admin.auth.listTenants(), 'name'), ['branch', 'master']);
  assert.ok(named(await admin.auth.listGroups(), 'name').includes('callers'));
  assert.ok(named(await admin.auth.listPolicies(), 'name').includes('calls'));
  assert.deepEqual(named(await admin.auth.listUsersGroup(group.uuid), 'username'), ['alice']);
  const user = await admin.auth.getUser(alice.uuid);
  assert.deepEqual([user.firstname, user.emails[0].address], ['Alice', 'alice@example.com']);
  assert.equal((await admin.auth.getTenant(tenant.uuid)).name, 'branch');

  // What is about another tenant says so in a header.
  admin.client.setTenant(tenant.uuid);
  assert.deepEqual(named(await admin.auth.listUsers(), 'username'), []);
  admin.client.setTenant(null);
  await admin.auth.updateTenant(tenant.uuid, 'branch', null, null, {});
  assert.equal(await admin.auth.deleteTenant(tenant.uuid), true);
  assert.equal(await admin.auth.deletePolicy(policy.uuid), true);
  await assert.rejects(admin.auth.getTenant(tenant.uuid), (error) => error.status === 404);
  return [admin, alice, group];
};

// One user from login to logout, as a softphone does it.
const use = async (alice) => {
  await assert.rejects(logIn('alice', 'wrong', 'phone'), (error) => error.status === 401);
  const [phone, session] = await logIn('alice', PASSWORD, 'phone');
  assert.equal(session.uuid, alice.uuid);
  assert.equal(session.tenantUuid, alice.tenant_uuid);
  assert.ok(session.refreshToken);
  const left = session.expiresAt - Date.now();
  assert.ok(left > 0 && left < (SECONDS + 60) * 1000, `it expires at ${session.expiresAt}`);
  assert.equal(await phone.auth.checkToken(session.token), true);
  assert.equal((await phone.auth.authenticate(session.token)).sessionUuid, session.sessionUuid);
  const { scopes } = await phone.auth.getRestrictionPolicies(['auth.users.read', 'confd.read']);
  assert.deepEqual(scopes, { 'auth.users.read': true, 'confd.read': false });

  const refreshed = await phone.auth.refreshToken(session.refreshToken, null, SECONDS);
  assert.notEqual(refreshed.token, session.token);
  assert.equal(await phone.auth.checkToken(refreshed.token), true);

  // A token that has ended is replaced by the SDK itself, which then asks again.
  assert.equal(await phone.auth.logOut(session.token), true);
  assert.equal(await phone.auth.checkToken(session.token), false);
  assert.ok((await phone.auth.listUsers()).items.length > 0);
  assert.notEqual(phone.client.token, session.token);

  assert.equal(await phone.auth.updatePassword(alice.uuid, PASSWORD, 'another'), true);
  const [again, last] = await logIn('alice', 'another', 'phone');
  assert.equal(last.refreshToken, session.refreshToken, 'a client keeps its refresh token');
  assert.equal(await again.auth.deleteRefreshToken('phone'), true);
  await assert.rejects(again.auth.refreshToken(last.refreshToken, null, SECONDS));
  assert.equal(await again.auth.logOut(last.token), true);
  assert.equal(await again.auth.checkToken(last.token), false);
};

const main = async () => {
  const [admin, alice, group] = await administer();
  await use(alice);
  await admin.auth.deleteUserGroup(alice.uuid, group.uuid);
  assert.equal(await admin.auth.deleteGroup(group.uuid), true);
  assert.equal((await admin.auth.getUserSession(alice.uuid)).total, 0, 'all sessions have ended');
  assert.equal(await admin.auth.deleteUser(alice.uuid), true);
  assert.equal(await admin.auth.logOut(admin.client.token), true);
};

// The SDK leaves timers behind, which would keep the process waiting.
main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
