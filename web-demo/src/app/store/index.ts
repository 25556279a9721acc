// What pages share, one file an area: what nobody else writes to.

export * from './account';
export * from './client';
export * from './entering';
export * from './notices';
export * from './notifications';
export * from './room';
