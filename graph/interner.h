// Interner: a list without repetitions. Items keep their place and their number for good, so a graph of a million nodes
// stores each type and each set of attributes once. Copyable; the caller brings the hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace duet {

template <class T>
class Interner {
 public:
  /// The number of the item that equals `item`; added if there is none.
  std::int32_t Intern(const T& item, std::uint64_t hash) {
    if (2 * (items_.size() + 1) > slots_.size()) Grow();
    std::size_t slot = FirstSlot(hash);
    for (; slots_[slot] >= 0; slot = Next(slot)) {
      const auto at = static_cast<std::size_t>(slots_[slot]);
      if (hashes_[at] == hash && items_[at] == item) return slots_[slot];
    }
    slots_[slot] = size();
    items_.push_back(item);
    hashes_.push_back(hash);
    return slots_[slot];
  }

  const T& operator[](std::int32_t number) const { return items_[static_cast<std::size_t>(number)]; }
  /// To change it; one that then equals another stays apart from it.
  T& item(std::int32_t number) { return items_[static_cast<std::size_t>(number)]; }
  std::int32_t size() const { return static_cast<std::int32_t>(items_.size()); }

 private:
  std::size_t FirstSlot(std::uint64_t hash) const { return static_cast<std::size_t>(hash) & (slots_.size() - 1); }
  std::size_t Next(std::size_t slot) const { return (slot + 1) & (slots_.size() - 1); }

  void Grow() {
    slots_.assign(slots_.empty() ? 16 : 2 * slots_.size(), -1);
    for (std::size_t at = 0; at < hashes_.size(); ++at) {
      std::size_t slot = FirstSlot(hashes_[at]);
      while (slots_[slot] >= 0) slot = Next(slot);
      slots_[slot] = static_cast<std::int32_t>(at);
    }
  }

  std::deque<T> items_;  // a deque: references stay valid while it grows
  std::vector<std::uint64_t> hashes_;
  std::vector<std::int32_t> slots_;  // open addressing; -1: free
};

}  // namespace duet
