// What pages share, one file an area: what nobody else writes to.

export * from './client';
export * from './notices';
export * from './room';
