// A speaker and a listener at work: marl_edu.widgets.speaker.episode, which is
// marl_edu.envs.SpeakerListener for one pair, with what may happen to a word on its way.

import { argmax, uniforms } from "../shared/kit.js";
import { logits } from "./network.js";

/** @import { Net } from "./network.js" */

/** @typedef {[number, number]} Point */
/** What a word stands for. @typedef {{ word: string, goals: number[], landmark: number, away: number }} Meaning */

/**
 * What marl_edu.widgets.speaker.episode.room gives.
 * @typedef {object} Room
 * @property {number} steps @property {number} dt @property {number} damping
 * @property {number} acceleration @property {number} ahead
 * @property {Point[]} directions of the pushes @property {number[][]} colours of the landmarks
 * @property {number} side of the picture @property {number} foot below it
 * @property {number} field that it shows @property {number} radius @property {number} near
 */

/** @param {Point} a @param {Point} b @returns {Point} */
const minus = (a, b) => [a[0] - b[0], a[1] - b[1]];

/** Where an episode begins, and its goal. @param {number} number @param {number} count of landmarks */
function begin(number, count) {
  const draw = uniforms(0, number);
  const point = () => /** @type {Point} */ ([2 * draw() - 1, 2 * draw() - 1]);
  point(); // the speaker's place means nothing
  const listener = point();
  const landmarks = Array.from({ length: count }, point);
  return { listener, landmarks, goal: Math.floor(draw() * count) };
}

/**
 * The push that brings a listener nearest to what is `offset` away.
 * @param {Room} room @param {Point} offset @param {Point} velocity
 */
function drive({ dt, damping, acceleration, ahead, directions }, offset, velocity) {
  const kept = 1 - damping;
  const coasting = (dt * (1 - kept ** ahead)) / damping;
  const pushed = ((dt * (1 - kept ** (ahead - 1))) / damping) * dt * acceleration;
  const rest = directions.map(([dx, dy]) => {
    const x = offset[0] - (coasting * velocity[0] + pushed * dx);
    const y = offset[1] - (coasting * velocity[1] + pushed * dy);
    return -(x * x + y * y);
  });
  return argmax(rest);
}

export class Episode {
  t = 0;
  trail = "t";
  returns = 0;
  /** The word heard last, or null. @type {number | null} */
  heard = null;
  /** @type {Point} */
  velocity = [0, 0];

  /** @param {Room} room @param {Net} net @param {number} number @param {number | null} goal null: the episode's */
  constructor(room, net, number, goal = null) {
    const { listener, landmarks, goal: drawn } = begin(number, room.colours.length);
    this.room = room;
    this.net = net;
    this.number = number;
    this.landmarks = landmarks;
    this.goal = goal ?? drawn;
    this.place = listener;
    this.path = [listener];
    this.distances = [this.away[this.goal]];
  }

  get over() {
    return this.t >= this.room.steps;
  }

  /** How far the listener is from each landmark. */
  get away() {
    return this.landmarks.map((one) => Math.hypot(...minus(one, this.place)));
  }

  /** Where the landmarks are, from the listener. */
  get offsets() {
    return this.landmarks.map((one) => minus(one, this.place));
  }

  /** The word that the speaker says now. */
  get said() {
    if (this.net.kind === "trained")
      return argmax(logits(this.net, 0, this.room.colours[this.goal]));
    return this.net.kind === "told" ? this.goal : 0;
  }

  /** The push that the listener chooses now. */
  get push() {
    const { room, net, velocity, offsets, heard } = this;
    if (net.kind === "trained") {
      const word = offsets.map((_, k) => Number(k === heard));
      return argmax(logits(net, 1, [...velocity, ...offsets.flat(), ...word]));
    }
    const sum = offsets.reduce(([x, y], [dx, dy]) => [x + dx, y + dy], [0, 0]);
    /** @type {Point} */
    const middle = [sum[0] / offsets.length, sum[1] / offsets.length];
    return drive(room, net.kind === "told" && heard !== null ? offsets[heard] : middle, velocity);
  }

  /** One step; the letter says what becomes of the word. @param {string} letter */
  step(letter) {
    if (this.over) return;
    const { dt, damping, acceleration, directions } = this.room;
    const push = directions[this.push];
    const { said, velocity, place } = this;
    const both = (/** @type {(k: number) => number} */ of) => /** @type {Point} */ ([of(0), of(1)]);
    this.place = both((k) => place[k] + dt * velocity[k]);
    this.velocity = both((k) => (1 - damping) * velocity[k] + dt * acceleration * push[k]);
    this.heard = letter === "s" ? said : letter === "m" ? null : Number(letter);
    this.t += 1;
    this.trail += letter;
    this.path.push(this.place);
    this.distances.push(this.away[this.goal]);
    this.returns -= this.away[this.goal] ** 2;
  }

  /** @param {string} trail */
  follow(trail) {
    for (const letter of /^t[sm012]*$/.test(trail) ? trail.slice(1) : "") this.step(letter);
    return this;
  }
}

/**
 * What each word means, and silence: found by trying, from the same start.
 * @param {Room} room @param {Net} net @param {number} number @returns {Meaning[]}
 */
export function dictionary(room, net, number) {
  const said = room.colours.map((_, goal) => new Episode(room, net, number, goal).said);
  return [..."012m"].map((word) => {
    const { away } = new Episode(room, net, number, 0).follow("t" + word.repeat(room.steps));
    const landmark = argmax(away.map((x) => -x));
    const goals = said.flatMap((one, goal) => (`${one}` === word ? [goal] : []));
    return { word, goals, landmark, away: away[landmark] };
  });
}
