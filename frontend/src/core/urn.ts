/** The one id: `urn:shancheng:<city>:<layer>:<local id>`. */

export interface ObjectName {
  city: string;
  layer: string;
  localId: string;
}

export function urn({ city, layer, localId }: ObjectName): string {
  return `urn:shancheng:${city}:${layer}:${localId}`;
}

export function parseUrn(text: string): ObjectName | null {
  const match = /^urn:shancheng:([^:]+):([^:]+):(.+)$/.exec(text);
  if (!match) return null;
  const [, city, layer, localId] = match;
  return city && layer && localId ? { city, layer, localId } : null;
}
