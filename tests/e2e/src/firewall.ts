// A firewall that lets no UDP through, in the tests' own network namespace (tests/e2e/run): UDP is
// routed to a neighbour that does not exist, so that packets vanish without an error, as on a network
// that drops them. There is no packet filter in every kernel; routing rules there are.

import { execFileSync } from 'node:child_process';

/** Before the rule for local addresses, which tests/e2e/run puts at 100. */
const RULE = ['pref', '50', 'ipproto', 'udp', 'lookup', '77'];

export function dropUdp(): void {
  execFileSync('ip', ['rule', 'add', ...RULE]);
}

export function passUdp(): void {
  execFileSync('ip', ['rule', 'del', ...RULE]);
}
