import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup } from '@rexray/rig';
import { decodeJwt, exportPKCS8, exportSPKI, generateKeyPair } from 'jose';
import { afterAll, describe, expect, it } from 'vitest';
import { Home } from './rig.ts';

const cleanup = new Cleanup();
afterAll(() => cleanup.run());
const KEY = 'a secret that nobody guesses';

describe('rexray token', () => {
  const home = new Home(cleanup, { libstorage: { server: { auth: { key: KEY } } } });

  it('new makes one for each subject with the configured key; decode says what they say', async () => {
    const made = await home.rexray('token', 'new', 'ann', 'bob', '--exp', '2h');
    expect([made.status, made.err]).toEqual([0, '']);
    const tokens = made.out.trim().split('\n');
    expect(tokens.map((t) => decodeJwt(t).sub)).toEqual(['ann', 'bob']);
    const { iat = 0, nbf, exp } = decodeJwt(tokens[0] ?? '');
    expect([nbf, exp]).toEqual([iat, iat + 7200]);
    const said = await home.rexray('token', 'decode', '--verify', ...tokens);
    expect(said.out).toMatch(/^Subject +IssuedAt +NotBefore +Expires\nann +20\S+Z +20\S+Z +20\S+Z\nbob /);
    expect(made.out).not.toContain(KEY);
    const agent = await home.rexray('token', 'new', 'host-1', '--nodes', 'uuid-1,uuid-2');
    expect(decodeJwt(agent.out.trim()).nodes).toEqual(['uuid-1', 'uuid-2']);
  });

  it('a key from a file, from the environment, or none', async () => {
    const file = join(home.dir, 'key');
    writeFileSync(file, `${KEY}\n`);
    const [token = ''] = (await home.rexray('token', 'new', 'ann', '--key', file)).out.split('\n');
    expect((await home.rexray('token', 'decode', '--verify', token)).status).toBe(0);
    const bare = new Home(cleanup, {}, { REXRAY_TOKEN_KEY: KEY, REXRAY_TOKEN_EXP: '1h' });
    expect((await bare.rexray('token', 'new', 'ann')).status).toBe(0);
    const none = await new Home(cleanup, {}).rexray('token', 'new', 'ann');
    expect([none.status, none.err]).toEqual([2, expect.stringContaining('There is no key.')]);
    const short = await home.rexray('token', 'new', 'ann', '--key', 'short');
    expect([short.status, short.err]).toEqual([2, expect.stringContaining('less than 16 bytes')]);
  });

  it('asymmetric keys: the private one signs, the public one verifies', async () => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    const [priv, pub] = ['private.pem', 'public.pem'].map((f) => join(home.dir, f)) as [string, string];
    writeFileSync(priv, await exportPKCS8(pair.privateKey));
    writeFileSync(pub, await exportSPKI(pair.publicKey));
    const es = ['--alg', 'ES256'];
    const made = await home.rexray('token', 'new', 'ann', '--key', priv, ...es);
    const verified = await home.rexray('token', 'decode', '--verify', '--key', pub, ...es, made.out.trim());
    expect(verified.out).toContain('ann');
    const wrong = await home.rexray('token', 'new', 'ann', '--key', pub, ...es);
    expect(wrong.err).toContain('private key in PEM');
  });

  it('what is no token, or of another key, is refused', async () => {
    const bad = await home.rexray('token', 'decode', 'nonsense');
    expect([bad.status, bad.err]).toEqual([1, expect.stringContaining('unauthenticated: A token is not good')]);
    const other = (await home.rexray('token', 'new', 'ann', '--key', 'another secret, also long')).out.trim();
    expect((await home.rexray('token', 'decode', other)).status).toBe(0);
    expect((await home.rexray('token', 'decode', '--verify', other)).status).toBe(1);
  });
});
