// An episode: every moment follows from seed, number and the changes made on the way.

import { argmax, same, uniforms } from "../shared/kit.js";
import { emptyRoads, observe, step } from "./env.js";
import { forward } from "./network.js";

/** @import { RoadMap, State } from "./env.js" */
/** @import { Net } from "./network.js" */

/** @typedef {{ step: number, arrival: number, muted: number[] }} Change what holds from a step on */
/**
 * Where the cars are, whom they heard there, and what they are about to do; and which of them have
 * crashed on their way.
 * @typedef {{ env: State, actions: number[], crashed: boolean[] } & ReturnType<typeof forward>} Moment
 */

export class Episode {
  /** @type {number[][]} */
  draws = [];
  /** @type {Moment[]} */
  moments = [];

  /**
   * @param {RoadMap} map @param {Net} net @param {number} seed @param {number} number
   * @param {Change[]} changes in order of step, the first at step 0
   */
  constructor(map, net, seed, number, changes) {
    this.map = map;
    this.net = net;
    this.changes = changes;
    this.next = uniforms(seed, number);
  }

  /** @param {number} t */
  settings(t) {
    return this.changes.findLast((change) => change.step <= t) ?? this.changes[0];
  }

  /** @param {number} t @param {number} arrival @param {number[]} muted */
  change(t, arrival, muted) {
    this.changes = this.changes.filter((change) => change.step < t);
    const last = this.changes.at(-1);
    if (!same([last?.arrival, last?.muted], [arrival, muted])) {
      this.changes.push({ step: t, arrival, muted });
    }
    this.moments.length = Math.min(this.moments.length, t);
  }

  /** The first step at which a car had crashed; null if none had until step t. @param {number} t */
  crash(t) {
    const found = this.moments.slice(0, t + 1).findIndex(({ env }) => !env.success);
    return found < 0 ? null : found;
  }

  /** @param {number} t */
  draw(t) {
    const width = 2 * this.map.routes.length + this.map.cars;
    while (this.draws.length <= t) this.draws.push(Array.from({ length: width }, this.next));
    return this.draws[t];
  }

  /** The moment t. @param {number} t */
  at(t) {
    while (this.moments.length <= t) {
      const now = this.moments.length;
      const before = this.moments.at(-1);
      let env = emptyRoads(this.map);
      let h = env.alive.map(() => new Float64Array(this.net.hidden_dim));
      if (before) {
        const { arrival } = this.settings(now - 1);
        env = step(this.map, before.env, before.actions, this.draw(now - 1), arrival);
        h = before.h.map((memory, i) => (env.completed[i] ? h[i] : memory));
      }
      const obs = observe(this.map, env, this.net.obs_dim);
      const said = forward(this.net, obs, h, this.settings(now).muted);
      const crashed = env.collided.map(
        (hit, i) => hit || Boolean(env.alive[i] && env.wait[i] && before?.crashed[i]),
      );
      this.moments.push({ env, ...said, actions: said.logits.map(argmax), crashed });
    }
    return this.moments[t];
  }
}

/** "0:0.3:;6:0.3:4,1": step, arrival and muted cars of every change. @param {Change[]} changes */
export const writeChanges = (changes) =>
  changes.map((change) => `${change.step}:${change.arrival}:${change.muted}`).join(";");

/** The other way round; null if it is something else. @param {string} text @param {RoadMap} map */
export function readChanges(text, map) {
  if (!/^0:[\d.]+:[\d,]*(;\d+:[\d.]+:[\d,]*)*$/.test(text)) return null;
  return text.split(";").map((part) => {
    const [at, arrival, muted] = part.split(":");
    const slots = muted.split(",").filter(Boolean).map(Number);
    return {
      step: Number(at),
      arrival: Math.min(parseFloat(arrival) || 0, 1),
      muted: slots.filter((i) => i < map.cars),
    };
  });
}
