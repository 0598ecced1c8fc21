import { resolve } from 'node:path';
import { defineConfig } from 'vite';
import { precompress } from './build/precompress.ts';
import { thirdPartyLicences } from './build/licences.ts';

const backend = 'http://127.0.0.1:8000';

export default defineConfig(({ command }) => ({
  base: '/',
  publicDir: 'public',
  build: {
    outDir: resolve(import.meta.dirname, '../src/shancheng/web/static'),
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy allows no data: address for scripts or styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: 'THIRD_PARTY_LICENSES.txt' },
    // three.js alone is larger than the default limit; the budget is asserted by a browser test instead.
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      input: {
        index: resolve(import.meta.dirname, 'index.html'),
        docs: resolve(import.meta.dirname, 'docs.html'),
      },
    },
  },
  plugins: command === 'build' ? [thirdPartyLicences(), precompress()] : [],
  server: { proxy: { '/api': backend, '/tiles': backend, '/healthz': backend } },
}));
