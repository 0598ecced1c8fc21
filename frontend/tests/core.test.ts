import { describe, expect, it, vi } from 'vitest';
import { Api, ApiError } from '../src/core/api';
import { App } from '../src/core/app';
import { attributeRows, sourceRows } from '../src/core/attributes';
import { brightnessOfRoad, groupOfBuilding } from '../src/core/kinds';
import { credits, layerRows, layersByProvenance, provenanceShares, safeUrl } from '../src/core/layers';
import { readOptions } from '../src/core/options';
import { Signal } from '../src/core/signal';
import { State } from '../src/core/state';
import type { CityInfo } from '../src/core/types';
import { parseUrn, urn } from '../src/core/urn';

const osm = { source: 'OSM', licence: 'ODbL', attribution: '© OpenStreetMap contributors', attribution_url: 'https://www.openstreetmap.org/copyright', date: '', notes: '' };
const city = {
  name: 'x',
  title: { zh: '某', en: 'X' },
  extent: [0, 0, 1, 1],
  root_cell: { west: 0, south: 0, side: 1 },
  origin: { lon: 0, lat: 0, ellipsoidal_height_m: 0 },
  home: null,
  build: 'a-1',
  tilesets: { terrain: '/t', roads: '/r', buildings: '/b', water: '/w' },
  terrain: { source: 's', licence: 'l', attribution: 'SRTM', attribution_url: '', provenance: 'surveyed', notes: '' },
  layers: [
    { name: 'water', count: 0, provenance: { surveyed: 0, approximate: 0, modelled: 0 }, ...osm },
    { name: 'roads', count: 5, provenance: { surveyed: 4, approximate: 1, modelled: 0 }, ...osm },
    { name: 'buildings', count: 9, provenance: { surveyed: 2, approximate: 0, modelled: 7 }, ...osm },
    { name: 'places', count: 3, provenance: { surveyed: 0, approximate: 3, modelled: 0 }, ...osm, attribution: 'GeoNames', attribution_url: 'javascript:alert(1)' },
  ],
} as unknown as CityInfo;

const answer = (body: unknown, status = 200): typeof fetch => vi.fn(() => Promise.resolve(new Response(JSON.stringify(body), { status })));

describe('Signal', () => {
  it('tells of changes only, until one stops listening', () => {
    const signal = new Signal(1);
    const heard: number[] = [];
    const stop = signal.subscribe((value) => heard.push(value));
    signal.set(1);
    signal.set(2);
    stop();
    signal.set(3);
    expect(heard).toEqual([2]);
    expect(signal.value).toBe(3);
  });
});

describe('readOptions', () => {
  it('takes what is valid and ignores the rest', () => {
    expect(readOptions('?lang=zh&hour=21.5&quality=high&still=1', ['en'])).toEqual({ language: 'zh', hour: 21.5, quality: 'high', still: true });
    expect(readOptions('?lang=fr&hour=99&quality=best', ['zh-CN'])).toEqual({ language: 'zh', hour: 20.5, quality: null, still: false });
    expect(readOptions('?hour=', ['en-GB']).hour).toBe(20.5);
    expect(readOptions('?hour=0', []).hour).toBe(0);
    expect(readOptions('', ['de'], true)).toMatchObject({ language: 'en', still: true });
  });
});

describe('urn', () => {
  it('goes there and back, colons in the local id included', () => {
    const name = { city: 'monaco', layer: 'buildings', localId: 'w1:2' };
    expect(parseUrn(urn(name))).toEqual(name);
    expect(parseUrn('urn:other:x:y:z')).toBeNull();
    expect(parseUrn('urn:shancheng:monaco:buildings')).toBeNull();
  });
});

describe('Api', () => {
  it('encodes what it asks for', async () => {
    const fetcher = answer({ items: [] });
    await new Api(fetcher).search('a&b=中', 5);
    expect(fetcher).toHaveBeenCalledWith('/api/search?q=a%26b%3D%E4%B8%AD&limit=5', {});
  });

  it('turns every failure into an ApiError', async () => {
    const refused = new Api(answer({ error: { code: 'not_found', message: 'no such object' } }, 404));
    await expect(refused.object('x')).rejects.toMatchObject({ status: 404, code: 'not_found', message: 'no such object' });
    const broken = new Api(answer('<html>', 500));
    await expect(broken.city()).rejects.toMatchObject({ status: 500, code: 'http_500' });
    const down = new Api(() => Promise.reject(new TypeError('failed to fetch')));
    await expect(down.city()).rejects.toBeInstanceOf(ApiError);
  });
});

describe('App', () => {
  const start = (fetcher: typeof fetch): App => new App(new State({ language: 'en', hour: 20 }), new Api(fetcher));

  it('selects, highlights by index and describes', async () => {
    const app = start(answer({ id: 'w1', index: 7, name: 'Tower' }));
    const highlight = vi.fn();
    app.map = { home: vi.fn(), flyTo: vi.fn(() => Promise.resolve()), highlight };
    await app.select('urn:shancheng:x:buildings:w1');
    expect(highlight).toHaveBeenLastCalledWith({ layer: 'buildings', index: 7 });
    expect(app.state.selection.value).toMatchObject({ layer: 'buildings', attributes: { name: 'Tower' } });
    app.clearSelection();
    expect(app.state.selection.value).toBeNull();
    expect(highlight).toHaveBeenLastCalledWith(null);
  });

  it('says what failed and goes on', async () => {
    const app = start(answer({ error: { code: 'not_found', message: 'gone' } }, 404));
    await app.select('urn:shancheng:x:buildings:w1');
    expect(app.state.notice.value?.text).toBe('gone');
    app.state.notify('gone');
    expect(app.state.notice.value?.serial).toBe(2);
  });

  it('flies to what was found', async () => {
    const app = start(answer({ id: 'w1', index: 7 }));
    const flyTo = vi.fn(() => Promise.resolve());
    app.map = { home: vi.fn(), flyTo, highlight: vi.fn() };
    const hit = { id: 'urn:shancheng:x:buildings:w1', layer: 'buildings', kind: 'yes', name: 'T', name_en: null, lon: 1, lat: 2, ellipsoidal_height_m: 3, height_m: 200 };
    await app.goTo(hit);
    expect(flyTo).toHaveBeenCalledWith({ lon: 1, lat: 2, ellipsoidal_height_m: 3, distance_m: 640 });
  });
});

describe('layers', () => {
  it('have a switch where there is something to see', () => {
    expect(layerRows(city)).toEqual([
      { name: 'buildings', count: 9 },
      { name: 'roads', count: 5 },
      { name: 'terrain', count: null },
      { name: 'places', count: 3 },
    ]);
  });

  it('credit each source once, and only of what is visible', () => {
    expect(credits(city, new Set())).toEqual([
      { attribution: 'SRTM', url: null, layers: ['terrain'] },
      { attribution: '© OpenStreetMap contributors', url: 'https://www.openstreetmap.org/copyright', layers: ['water', 'roads', 'buildings'] },
      { attribution: 'GeoNames', url: null, layers: ['places'] },
    ]);
    expect(credits(city, new Set(['terrain', 'places', 'water', 'roads', 'buildings']))).toEqual([]);
  });

  it('never follow an address that is a script', () => {
    expect(safeUrl('javascript:alert(1)')).toBeNull();
    expect(safeUrl('data:text/html,x')).toBeNull();
    expect(safeUrl('HTTPS://example.org/')).toBe('HTTPS://example.org/');
  });

  it('say what the picture rests on', () => {
    const shares = provenanceShares(city, new Set(['places']));
    expect(layersByProvenance(shares)).toEqual({ surveyed: ['terrain', 'roads'], approximate: [], modelled: ['buildings'] });
  });
});

describe('attributes', () => {
  it('carry their unit, in reading order, without what is shown elsewhere', () => {
    const rows = attributeRows({ id: 'u', source: 'OSM', name: 'N', height_m: 12.34, levels: 4, bridge: false, layer: 'buildings', geometry: {}, parent_id: null, area_m2: 250 }, 'en');
    expect(rows).toEqual([
      { key: 'height_m', value: '12.3 m' },
      { key: 'levels', value: '4' },
      { key: 'bridge', value: 'no' },
      { key: 'area_m2', value: '250 m²' },
      { key: 'source', value: 'OSM' },
      { key: 'id', value: 'u' },
    ]);
  });

  it('keep a road’s level, which is a number', () => {
    expect(attributeRows({ layer: -1 }, 'en')).toEqual([{ key: 'layer', value: '-1' }]);
  });

  it('stay text, whatever they hold', () => {
    expect(attributeRows({ kind: '<img src=x onerror=alert(1)>' }, 'en')[0]?.value).toBe('<img src=x onerror=alert(1)>');
  });

  it('join lists and count surfaces, and leave the source\'s own words to their place', () => {
    const rows = attributeRows({ lines: ['2', '环'], azimuths_deg: [0, 120.5], surfaces: { RoofSurface: 2, WallSurface: 8 }, attributes: { a: 1 } }, 'en');
    expect(rows.map((row) => row.value)).toEqual(['2, 环', '0 °, 120.5 °', 'RoofSurface 2, WallSurface 8']);
  });

  it('show what else the source says, cut where it is long', () => {
    const attributes = { year: 1902, owner: { name: '城' }, empty: '', none: null, long: 'x'.repeat(5000), peaks: '🏔'.repeat(200) };
    const rows = sourceRows({ attributes });
    expect(rows.map((row) => row.key)).toEqual(['year', 'owner', 'long', 'peaks']);
    expect(rows[1]?.value).toBe('{"name":"城"}');
    expect(rows[2]?.value).toBe(`${'x'.repeat(160)}…`);
    expect(Array.from(rows[3]?.value ?? '')).toHaveLength(161);
    expect(sourceRows({ attributes: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, i])) })).toHaveLength(60);
    for (const attributes of [null, undefined, 'text', 7]) expect(sourceRows({ attributes })).toEqual([]);
  });
});

describe('kinds', () => {
  it('group what looks alike', () => {
    expect(groupOfBuilding('office')).toBe(1);
    expect(groupOfBuilding('apartments')).toBe(0);
    expect(groupOfBuilding('constructor')).toBe(0);
    expect(brightnessOfRoad('motorway_link')).toBe(1);
    expect(brightnessOfRoad('footway')).toBeLessThan(brightnessOfRoad('residential'));
  });
});
