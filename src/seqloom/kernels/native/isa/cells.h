// The LSTM and GRU cells: one step forward, and one step backward, of kWidth units at a time.
//
// Both cells have four gates per unit, so that the same layer code runs both. `carry` is the value that a unit carries
// from step to step in full precision: the LSTM's cell value, or the GRU's hidden value. Names that begin with `d_` are
// gradients of the loss.
#pragma once

#include "isa/vector.h"

namespace seqloom::SEQLOOM_ISA {

// Long short-term memory (Hochreiter, Schmidhuber 1997). Gates in order: input i, forget f, candidate g, output o.
//
//   cell' = f * cell + i * g,   hidden = o * tanh(cell')
struct Lstm {
  // Replace the pre-activations in `gate` by the gates; compute the new carry and hidden value.
  static inline void forward(Vec (&gate)[4], Vec carry, Vec& carry_after, Vec& hidden) {
    gate[0] = sigmoid(gate[0]);
    gate[1] = sigmoid(gate[1]);
    gate[2] = hyperbolic_tangent(gate[2]);
    gate[3] = sigmoid(gate[3]);
    carry_after = gate[1] * carry + gate[0] * gate[2];
    hidden = gate[3] * hyperbolic_tangent(carry_after);
  }

  // Replace the gates by the gradients of their pre-activations. `d_carry` is the gradient of `carry_after` at the
  // call, and the gradient of `carry` at the return.
  static inline void backward(Vec (&gate)[4], Vec carry, Vec carry_after, Vec d_hidden, Vec& d_carry) {
    const Vec input = gate[0], forget = gate[1], candidate = gate[2], output = gate[3];
    const Vec tanh_carry = hyperbolic_tangent(carry_after);
    const Vec d_carry_after = d_carry + d_hidden * output * (1.0f - tanh_carry * tanh_carry);
    gate[0] = d_carry_after * candidate * input * (1.0f - input);
    gate[1] = d_carry_after * carry * forget * (1.0f - forget);
    gate[2] = d_carry_after * input * (1.0f - candidate * candidate);
    gate[3] = d_hidden * tanh_carry * output * (1.0f - output);
    d_carry = d_carry_after * forget;
  }
};

// Gated recurrent unit (Cho et al. 2014), whose reset gate scales the recurrent product, not the hidden vector. Gates
// in order: reset r, update z, and the two parts of the candidate n, from the hidden vector (h) and from the input (x).
//
//   n = tanh(x + r * h),   hidden' = n + z * (hidden - n)
//
// `forward` replaces gate[3] by n and leaves gate[2] as it is; `backward` needs both.
struct Gru {
  static inline void forward(Vec (&gate)[4], Vec carry, Vec& carry_after, Vec& hidden) {
    gate[0] = sigmoid(gate[0]);
    gate[1] = sigmoid(gate[1]);
    gate[3] = hyperbolic_tangent(gate[3] + gate[0] * gate[2]);
    carry_after = gate[3] + gate[1] * (carry - gate[3]);
    hidden = carry_after;
  }

  static inline void backward(Vec (&gate)[4], Vec carry, Vec, Vec d_hidden, Vec& d_carry) {
    const Vec reset = gate[0], update = gate[1], recurrent = gate[2], candidate = gate[3];
    const Vec d_carry_after = d_hidden + d_carry;
    const Vec d_candidate = d_carry_after * (1.0f - update) * (1.0f - candidate * candidate);
    gate[0] = d_candidate * recurrent * reset * (1.0f - reset);
    gate[1] = d_carry_after * (carry - candidate) * update * (1.0f - update);
    gate[2] = d_candidate * reset;
    gate[3] = d_candidate;
    d_carry = d_carry_after * update;
  }
};

}  // namespace seqloom::SEQLOOM_ISA
