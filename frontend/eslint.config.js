import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** The core and the panels stay free of the renderer: they can be tested, and replaced, without a GPU. */
const withoutThree = {
  'no-restricted-imports': [
    'error',
    {
      patterns: [
        { group: ['three', 'three/*', '3d-tiles-renderer', '3d-tiles-renderer/*'], message: 'Only src/three knows the renderer.' },
        { group: ['**/three/*'], message: 'Go through the commands in core/map.ts.' },
      ],
    },
  ],
};

export default tseslint.config(
  { ignores: ['node_modules', 'src/core/openapi.d.ts'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Numbers in template strings are what coordinates and percentages look like.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Custom elements register themselves; a module that only does that has no other export.
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'no-console': ['error', { allow: ['warn', 'error'] }],
      eqeqeq: 'error',
    },
  },
  { files: ['src/core/**', 'src/panels/**', 'src/docs/**'], rules: withoutThree },
  { files: ['eslint.config.js'], ...tseslint.configs.disableTypeChecked },
);
