import { describe, expect, it } from 'vitest';
import openapi from '../openapi.json';
import { answerOf, describe as words, requestPath, routes, type OpenApi } from '../src/docs/openapiDocument';

const document = openapi as unknown as OpenApi;

describe('the API’s description', () => {
  it('lists every route', () => {
    const paths = routes(document).map((route) => `${route.method} ${route.path}`);
    expect(paths).toContain('GET /api/city');
    expect(paths).toContain('GET /api/search');
  });

  it('names the answer', () => {
    const route = routes(document).find(({ path }) => path === '/api/city');
    expect(route && words(answerOf(route.operation))).toBe('CityInfo');
  });
});

describe('a schema in words', () => {
  it.each([
    [undefined, 'any value'],
    [{ $ref: '#/components/schemas/Hit' }, 'Hit'],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 'string or null'],
    [{ type: 'array', items: { type: 'number' } }, 'list of number'],
    [{ type: 'integer', minimum: 1, maximum: 100 }, 'integer, ≥ 1, ≤ 100'],
    [{ enum: ['a', 'b'] }, '"a" | "b"'],
  ])('%j is %s', (schema, expected) => {
    expect(words(schema)).toBe(expected);
  });
});

describe('a request to try', () => {
  it('encodes path and query', () => {
    const operation = { parameters: [{ name: 'id', in: 'path' }, { name: 'q', in: 'query' }, { name: 'limit', in: 'query' }], responses: {} };
    const route = { method: 'GET', path: '/api/objects/{id}', operation };
    expect(requestPath(route, { id: 'urn:a b/c', q: '渝&' })).toBe('/api/objects/urn%3Aa%20b%2Fc?q=%E6%B8%9D%26');
  });
});
