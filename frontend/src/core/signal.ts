/** A value that tells its listeners when it changes. */

export type Unsubscribe = () => void;

/** What a listener may do: read and listen. */
export interface Readable<T> {
  readonly value: T;
  subscribe(listener: (value: T) => void): Unsubscribe;
}

export class Signal<T> implements Readable<T> {
  readonly #listeners = new Set<(value: T) => void>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  /** Stores the value and tells the listeners, unless it is the same one. */
  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener(value);
  }

  subscribe(listener: (value: T) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
