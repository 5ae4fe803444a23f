// ValueNames: the values of a graph being read, by name. Names that are numbers and count up, as printed ones do, are
// an array index and need no hashing. Used by graph/parse.cc.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace duet {

class ValueNames {
 public:
  /// False when the name is taken.
  bool Define(std::string_view name, ValueId value) {
    std::size_t number;
    if (Find(name) >= 0) return false;
    if (IsNumber(name, &number) && number == numbered_.size())
      numbered_.push_back(value);
    else
      named_.emplace(std::string(name), value);
    return true;
  }
  /// -1 when there is none.
  ValueId Find(std::string_view name) const {
    std::size_t number;
    if (IsNumber(name, &number) && number < numbered_.size()) return numbered_[number];
    const auto at = named_.find(std::string(name));
    return at == named_.end() ? -1 : at->second;
  }

 private:
  static bool IsNumber(std::string_view name, std::size_t* number) {
    if (name.empty() || (name.size() > 1 && name[0] == '0')) return false;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), *number);
    return error == std::errc() && end == name.data() + name.size();
  }

  std::vector<ValueId> numbered_;
  absl::flat_hash_map<std::string, ValueId> named_;
};

}  // namespace duet
