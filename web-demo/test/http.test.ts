import { afterEach, expect, it, vi } from 'vitest';
import { PalcoError } from '../src/sdk/errors';
import { Api } from '../src/sdk/http';

afterEach(() => {
  vi.unstubAllGlobals();
});

async function asked(response: Response): Promise<unknown> {
  vi.stubGlobal('fetch', () => Promise.resolve(response));
  return new Api('https://palco.example', () => undefined)
    .ask('GET', 'rooms')
    .catch((error: unknown) => error);
}

it('takes what is no JSON for somebody else’s answer: a proxy’s, or the door of a hotel’s network', async () => {
  for (const status of [200, 502]) {
    const error = await asked(new Response('<h1>Welcome to our hotel</h1>', { status }));
    expect(error).toMatchObject({ code: 'unreachable', advice: 'retry' });
  }
});

it('says when to try again', async () => {
  const body = JSON.stringify({ type: 'about:blank#rate_limited', title: 'Slow', code: 'rate_limited' });
  const error = await asked(new Response(body, { status: 429, headers: { 'Retry-After': '3' } }));
  expect(error).toBeInstanceOf(PalcoError);
  expect(error).toMatchObject({
    code: 'rate_limited',
    message: 'Slow',
    retryAfterMs: 3_000,
    advice: 'retry',
  });
});

it('bears a code of a newer server: that is how it is', async () => {
  const error = await asked(new Response(JSON.stringify({ code: 'too_windy' }), { status: 403 }));
  expect(error).toMatchObject({ code: 'too_windy', advice: 'accept' });
});
