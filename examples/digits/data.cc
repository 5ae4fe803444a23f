#include "examples/digits/data.h"

#include <fmt/format.h>

#include "examples/digits/model.h"
#include "examples/digits/read_csv.h"

namespace digits {
namespace {

Part Rows(const Part& part, duet::Range rows) { return {part.images(rows), part.labels(rows)}; }

}  // namespace

Part Shuffle(const Part& part, const duet::random::Key& key) {
  const duet::Tensor order = duet::random::permutation(key, part.size());
  return {duet::take(part.images, order, 0), duet::take(part.labels, order, 0)};
}

Data LoadData(const std::string& path, const duet::random::Key& key) {
  const Images read = ReadCsv(path);
  const auto count = static_cast<std::int64_t>(read.labels.size());
  const std::int64_t trained = count * 4 / 5;
  if (trained < kBatch)
    throw duet::ParseError(
        fmt::format("{}:{}:1: expected at least {} images, found {}", path, count + 1, kBatch * 5 / 4, count));
  const Part all{duet::tensor(read.pixels, {count, kPixels}) / kMaxPixel, duet::tensor(read.labels)};
  const Part shuffled = Shuffle(all, key);
  return {Rows(shuffled, duet::range(trained)), Rows(shuffled, duet::range(trained, count))};
}

}  // namespace digits
