import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist', 'src/protocol.gen.ts'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['scripts/*.mjs'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ['src/app/**/*.tsx', 'src/element/**/*.tsx'],
    rules: {
      // Every word on the page comes from the catalogues in i18n.
      'no-restricted-syntax': [
        'error',
        { selector: 'JSXText[value=/\\p{L}/u]', message: 'Text belongs in src/app/i18n.' },
        {
          selector:
            'JSXAttribute[name.name=/^(title|placeholder|alt|label|aria-label)$/] > Literal[value=/\\p{L}/u]',
          message: 'Text belongs in src/app/i18n.',
        },
      ],
    },
  },
  {
    files: ['scripts/**', '*.js'],
    ...tseslint.configs.disableTypeChecked,
  },
  {
    files: ['scripts/**'],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } },
  },
);
