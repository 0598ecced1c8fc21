/** The API's records under the names that the page uses. */

import type { components } from './openapi';

type Schemas = components['schemas'];

export type CityInfo = Schemas['CityInfo'];
export type LayerInfo = Schemas['LayerInfo'];
export type TerrainInfo = Schemas['TerrainInfo'];
export type SearchHit = Schemas['Hit'];
export type MapLabel = Schemas['Label'];

/** Every column of one object's row; which there are depends on its layer. */
export type CityObject = Record<string, unknown>;

export type Language = 'zh' | 'en';
export type Quality = 'low' | 'medium' | 'high';
export type Provenance = 'surveyed' | 'approximate' | 'modelled';

export const provenances: readonly Provenance[] = ['surveyed', 'approximate', 'modelled'];
