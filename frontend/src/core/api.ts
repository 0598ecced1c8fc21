/** The server's answers as typed promises; every failure is an `ApiError`. */

import type { CityInfo, CityObject, MapLabel, SearchHit } from './types';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

export class Api {
  readonly #fetch: typeof fetch;

  constructor(fetcher: typeof fetch = fetch.bind(globalThis)) {
    this.#fetch = fetcher;
  }

  city(): Promise<CityInfo> {
    return this.#get<CityInfo>('/api/city');
  }

  object(id: string, signal?: AbortSignal): Promise<CityObject> {
    return this.#get<CityObject>(`/api/objects/${encodeURIComponent(id)}`, signal);
  }

  async search(query: string, limit: number, signal?: AbortSignal): Promise<SearchHit[]> {
    const parameters = new URLSearchParams({ q: query, limit: String(limit) });
    const page = await this.#get<{ items: SearchHit[] }>(`/api/search?${parameters}`, signal);
    return page.items;
  }

  async labels(): Promise<MapLabel[]> {
    const page = await this.#get<{ items: MapLabel[] }>('/api/labels');
    return page.items;
  }

  async #get<T>(path: string, signal?: AbortSignal): Promise<T> {
    let answer: Response;
    try {
      answer = await this.#fetch(path, signal ? { signal } : {});
    } catch (cause) {
      if (isAbort(cause)) throw cause;
      throw new ApiError(0, 'unreachable', `${path}: no answer`);
    }
    const body: unknown = await answer.json().catch(() => null);
    if (!answer.ok) throw errorFrom(path, answer.status, body);
    // Types are generated from the OpenAPI file that the same build of the server exports.
    return body as T;
  }
}

export function isAbort(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === 'AbortError';
}

function errorFrom(path: string, status: number, body: unknown): ApiError {
  const detail = isErrorAnswer(body) ? body.error : { code: `http_${status}`, message: `${path}: status ${status}` };
  return new ApiError(status, detail.code, detail.message);
}

function isErrorAnswer(body: unknown): body is { error: { code: string; message: string } } {
  if (typeof body !== 'object' || body === null || !('error' in body)) return false;
  const { error } = body;
  return typeof error === 'object' && error !== null && 'code' in error && 'message' in error;
}
