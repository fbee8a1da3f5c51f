// The uniform random numbers of one sample.
//
// The generator is counter-based: Philox 4x64-10 (Salmon et al. 2011). Its numbers depend only on the key, the pair
// of seed and index. They are the same doubles, in the same order, as those of numpy's
// `Generator(Philox(key)).random()`.
#pragma once

#include <cstdint>

namespace seqloom::decoding {

class UniformStream {
 public:
  UniformStream(uint64_t seed, uint64_t index) : key_{seed, index} {}

  // The numbers of a random transform for token `num_tokens` of the sample, as `Context.generator` in
  // `sampling/transform.py` returns them. `salt` identifies the transform.
  UniformStream(uint64_t seed, uint64_t index, uint64_t salt, uint64_t num_tokens)
      : key_{seed, index}, counter_{0, 0, salt, num_tokens + 1} {}

  // Return the next number in [0, 1).
  double next() {
    if (used_ == 4) refill();
    return static_cast<double>(block_[used_++] >> 11) * (1.0 / 9007199254740992.0);  // 53 bits, times 2^-53
  }

 private:
  // Compute the next four numbers: increment the 256-bit counter, and encrypt it with the key in ten rounds. The
  // constants are those of Philox.
  void refill() {
    for (int word = 0; word < 4; ++word)
      if (++counter_[word] != 0) break;
    uint64_t state[4] = {counter_[0], counter_[1], counter_[2], counter_[3]}, key[2] = {key_[0], key_[1]};
    for (int round = 0; round < 10; ++round) {
      const auto product_0 = static_cast<unsigned __int128>(state[0]) * 0xD2E7470EE14C6C93ull;
      const auto product_2 = static_cast<unsigned __int128>(state[2]) * 0xCA5A826395121157ull;
      state[0] = static_cast<uint64_t>(product_2 >> 64) ^ state[1] ^ key[0];
      state[2] = static_cast<uint64_t>(product_0 >> 64) ^ state[3] ^ key[1];
      state[1] = static_cast<uint64_t>(product_2);
      state[3] = static_cast<uint64_t>(product_0);
      key[0] += 0x9E3779B97F4A7C15ull;
      key[1] += 0xBB67AE8584CAA73Bull;
    }
    for (int word = 0; word < 4; ++word) block_[word] = state[word];
    used_ = 0;
  }

  uint64_t key_[2], counter_[4] = {}, block_[4] = {};
  int used_ = 4;  // how many numbers of `block_` were returned
};

}  // namespace seqloom::decoding
