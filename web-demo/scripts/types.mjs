// The SDK's types in one file beside its script, for those who embed it: dist/sdk/palco.d.ts (docs/embed.md).
import { build } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';

await build({
  input: { palco: 'src/sdk/index.ts' },
  plugins: [dts({ emitDtsOnly: true, tsconfig: 'tsconfig.json' })],
  output: { dir: 'dist/sdk' },
  // It says at length that types take their time.
  checks: { pluginTimings: false },
  logLevel: 'warn',
});
