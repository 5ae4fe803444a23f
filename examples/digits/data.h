// The images as tensors, shuffled and split into a part to train on and a part to test with.
#pragma once

#include <duet/duet.h>

#include <string>

namespace digits {

struct Part {
  duet::Tensor images;  ///< f32[n, 64], pixels from 0 to 1
  duet::Tensor labels;  ///< i32[n]

  std::int64_t size() const { return labels.size(); }
};

struct Data {
  Part train, test;
};

/// Four fifths to train on, the rest to test with; the key decides which. Throws duet::ParseError.
Data LoadData(const std::string& path, const duet::random::Key& key);

/// The same examples in the order that the key gives.
Part Shuffle(const Part& part, const duet::random::Key& key);

}  // namespace digits
