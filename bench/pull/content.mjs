/** Numbers that look random, and are the same each time: xorshift32. */
export class Random {
  #state;

  constructor(seed) {
    this.#state = (seed * 0x9e3779b1) >>> 0;
  }

  next() {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state;
  }

  below(limit) {
    return this.next() % limit;
  }

  /** One of a list or a set. */
  of(values) {
    const list = Array.isArray(values) ? values : [...values];
    return list[this.below(list.length)];
  }

  /** Of few things often, of many seldom. */
  rank(limit) {
    return Math.floor(limit ** (this.next() / 2 ** 32)) - 1;
  }

  /** The length of a file: most are short, a few a hundred times as long as the mean. */
  size(mean) {
    const sum = this.next() + this.next() + this.next() + this.next();
    return Math.min(4e6, Math.round(mean * 0.32 * Math.exp((sum / 2 ** 32 - 2) * 2.6)));
  }
}

/** What files hold: words of a language, and something like instructions; both compress as the true ones do. */
export class Content {
  #random;
  #words;
  #instructions;

  constructor(random) {
    this.#random = random;
    this.#words = Array.from({ length: 6000 }, () => Buffer.from(`${this.name()}${' \n,.;(='[random.below(7)]}`));
    this.#instructions = Array.from({ length: 5000 }, () => {
      const bytes = Buffer.alloc(2 + random.below(7));
      for (let at = 0; at < bytes.length; at++) bytes[at] = random.rank(256);
      return bytes;
    });
  }

  name() {
    const letters = 'etaoinshrdlucmfwypvbgkjqxz';
    let name = '';
    for (let left = 2 + this.#random.below(8); left > 0; left--) name += letters[this.#random.rank(26)];
    return name;
  }

  bytes(size, program) {
    const pieces = program ? this.#instructions : this.#words;
    const bytes = Buffer.allocUnsafe(size);
    for (let at = 0; at < size; ) {
      const piece = pieces[this.#random.rank(pieces.length)];
      at += piece.copy(bytes, at);
      // Addresses, numbers: what nothing foretells.
      if (program && at < size && this.#random.below(3) === 0) bytes[at++] = this.#random.next();
    }
    return bytes;
  }
}
