// Who plays in a test: a server of its own, one browser, and the people in it, each with a device of their
// own; some of them with an account, and following each other.

import assert from 'node:assert/strict';
import { launch, type Kind, type RunningBrowser } from './browsers.js';
import { Person } from './person.js';
import { startServer, type Server } from './server.js';

export class Cast {
  readonly #people = new Set<Person>();

  private constructor(
    readonly running: RunningBrowser,
    readonly server: Server,
  ) {}

  /** `flags`: further ones of `palco serve`. */
  static async in(kind: Kind, ...flags: string[]): Promise<Cast> {
    return Cast.at(() => launch(kind), ...flags);
  }

  /** In a browser that is like this. */
  static async at(starts: () => Promise<RunningBrowser>, ...flags: string[]): Promise<Cast> {
    const server = await startServer(...flags);
    try {
      return new Cast(await starts(), server);
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  get url(): string {
    return this.server.url;
  }

  /** Nobody whom the server knows; `hz`: the pitch of their voice. */
  async guest(name: string, hz: number): Promise<Person> {
    const person = await Person.at(this.running, name, hz);
    this.#people.add(person);
    return person;
  }

  /** Somebody with an account; their handle is their name in small letters. */
  async member(name: string, hz: number): Promise<Person> {
    const person = await this.guest(name, hz);
    await person.signUp(this.url, handleOf(person));
    return person;
  }

  async follows(follower: Person, followed: Person): Promise<void> {
    await follower.follow(this.url, handleOf(followed));
  }

  /** They put their device away. */
  async leaves(person: Person): Promise<void> {
    this.#people.delete(person);
    await person.leave();
  }

  /** Of those who are here, no page threw what its script did not catch. */
  noPageFailed(): void {
    for (const { name, pageErrors } of this.#people) assert.deepEqual([name, pageErrors], [name, []]);
  }

  async end(): Promise<void> {
    await this.running.close();
    await this.server.stop();
  }
}

function handleOf({ name }: Person): string {
  return name.toLowerCase();
}
