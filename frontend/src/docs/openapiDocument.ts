/** The parts of an OpenAPI 3.1 document that the documentation page shows. */

export interface Schema {
  $ref?: string;
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  prefixItems?: Schema[];
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  additionalProperties?: Schema | boolean;
}

export interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

export interface Operation {
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  responses: Record<string, { description?: string; content?: Record<string, { schema?: Schema }> }>;
}

export interface OpenApi {
  info: { title: string; version: string; description?: string };
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema> };
}

export interface Route {
  method: string;
  path: string;
  operation: Operation;
}

export function routes(document: OpenApi): Route[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
}

/** The name that a reference ends in. */
export function refName(ref: string): string {
  return ref.slice(ref.lastIndexOf('/') + 1);
}

/** A schema in a few words. */
export function describe(schema: Schema | undefined): string {
  if (!schema) return 'any value';
  if (schema.$ref) return refName(schema.$ref);
  if (schema.anyOf) return schema.anyOf.map(describe).join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.prefixItems) return `[${schema.prefixItems.map(describe).join(', ')}]`;
  if (schema.type === 'array') return `list of ${describe(schema.items)}`;
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? 'any value');
  return [type, ...limits(schema)].join(', ');
}

function limits(schema: Schema): string[] {
  const stated: [string, number | undefined][] = [
    ['≥', schema.minimum],
    ['≤', schema.maximum],
    ['length ≤', schema.maxLength],
  ];
  return stated.filter(([, value]) => value !== undefined).map(([sign, value]) => `${sign} ${value ?? ''}`);
}

/** The address of a GET with the values that a reader typed in. */
export function requestPath(route: Route, values: Record<string, string>): string {
  const query = new URLSearchParams();
  let { path } = route;
  for (const parameter of route.operation.parameters ?? []) {
    const value = values[parameter.name] ?? '';
    if (parameter.in === 'path') path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (parameter.in === 'query' && value !== '') query.set(parameter.name, value);
  }
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** The schema of a route's good answer. */
export function answerOf(operation: Operation): Schema | undefined {
  const good = Object.entries(operation.responses).find(([status]) => status.startsWith('2'))?.[1];
  return Object.values(good?.content ?? {})[0]?.schema;
}
