// The gated cells, kWidth units at a time: one step forward, and backward.
//
// Both have four gates a unit, so that one recurrence serves both. The value that a unit carries from step to step in
// full precision is the LSTM's cell, or the GRU's hidden value.
#pragma once

#include "isa/vector.h"

namespace seqloom::SEQLOOM_ISA {

// Long short-term memory (Hochreiter, Schmidhuber 1997); gates in order input, forget, cell, output.
struct Lstm {
  // Compute the gates from pre-activations, in place.
  static inline void forward(Vec (&gate)[4], Vec carry, Vec& carry_after, Vec& hidden) {
    gate[0] = sigmoid(gate[0]);
    gate[1] = sigmoid(gate[1]);
    gate[2] = hyperbolic_tangent(gate[2]);
    gate[3] = sigmoid(gate[3]);
    carry_after = gate[1] * carry + gate[0] * gate[2];
    hidden = gate[3] * hyperbolic_tangent(carry_after);
  }

  // Compute the gradients of the pre-activations (in place of the gates) and of the carry from those of the outputs.
  static inline void backward(Vec (&gate)[4], Vec carry, Vec carry_after, Vec d_hidden, Vec& d_carry) {
    const Vec entry = gate[0], forget = gate[1], fresh = gate[2], shown = gate[3];
    const Vec squashed = hyperbolic_tangent(carry_after);
    const Vec d_after = d_carry + d_hidden * shown * (1.0f - squashed * squashed);
    gate[0] = d_after * fresh * entry * (1.0f - entry);
    gate[1] = d_after * carry * forget * (1.0f - forget);
    gate[2] = d_after * entry * (1.0f - fresh * fresh);
    gate[3] = d_hidden * squashed * shown * (1.0f - shown);
    d_carry = d_after * forget;
  }
};

// Gated recurrent unit (Cho et al. 2014), reset after the recurrent product. Gates in order: reset, update, and the two
// parts of the new value, from the hidden vector (scaled by the reset gate) and from the input.
struct Gru {
  static inline void forward(Vec (&gate)[4], Vec carry, Vec& carry_after, Vec& hidden) {
    gate[0] = sigmoid(gate[0]);
    gate[1] = sigmoid(gate[1]);
    gate[3] = hyperbolic_tangent(gate[3] + gate[0] * gate[2]);
    carry_after = gate[3] + gate[1] * (carry - gate[3]);
    hidden = carry_after;
  }

  static inline void backward(Vec (&gate)[4], Vec carry, Vec, Vec d_hidden, Vec& d_carry) {
    const Vec reset = gate[0], update = gate[1], recurrent = gate[2], fresh = gate[3];
    const Vec d_after = d_hidden + d_carry;
    const Vec d_fresh = d_after * (1.0f - update) * (1.0f - fresh * fresh);
    gate[0] = d_fresh * recurrent * reset * (1.0f - reset);
    gate[1] = d_after * (carry - fresh) * update * (1.0f - update);
    gate[2] = d_fresh * reset;
    gate[3] = d_fresh;
    d_carry = d_after * update;
  }
};

}  // namespace seqloom::SEQLOOM_ISA
