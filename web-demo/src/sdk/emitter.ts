// Typed events, nothing more: who listens is told in the order in which they came.

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();

  /** Returns the function that stops listening. */
  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): () => void {
    let listeners = this.#listeners.get(name);
    if (!listeners) {
      listeners = new Set();
      this.#listeners.set(name, listeners);
    }
    const all = listeners;
    all.add(listener);
    return () => all.delete(listener);
  }

  protected emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    const listeners = this.#listeners.get(name);
    if (!listeners) return;
    for (const listener of [...listeners]) {
      try {
        (listener as (value: Events[Name]) => void)(value);
      } catch (error) {
        // A page's mistake ends neither the client's work nor the other listeners'. It shows as any other does.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
