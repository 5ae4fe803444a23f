#include "passes/plan_memory.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <set>
#include <utility>

namespace duet {
namespace {

std::int64_t Aligned(std::int64_t bytes) { return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment; }

// Free pieces of the arena, by place and by size; the arena grows at its end.
class FreePieces {
 public:
  std::int64_t Take(std::int64_t bytes) {
    const auto fit = by_size_.lower_bound({bytes, -1});
    if (fit != by_size_.end()) {
      const auto [size, offset] = *fit;
      Remove(offset, size);
      if (size > bytes) Insert(offset + bytes, size - bytes);
      return offset;
    }
    // A free piece at the end grows rather than staying behind.
    std::int64_t offset = end_;
    if (!by_offset_.empty()) {
      const auto [last, size] = *by_offset_.rbegin();
      if (last + size == end_) {
        Remove(last, size);
        offset = last;
      }
    }
    end_ = offset + bytes;
    return offset;
  }

  void Give(std::int64_t offset, std::int64_t bytes) {
    auto next = by_offset_.lower_bound(offset);
    if (next != by_offset_.end() && next->first == offset + bytes) {
      bytes += next->second;
      Remove(next->first, next->second);
      next = by_offset_.lower_bound(offset);
    }
    if (next != by_offset_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == offset) {
        offset = before->first;
        bytes += before->second;
        Remove(before->first, before->second);
      }
    }
    Insert(offset, bytes);
  }

  std::int64_t end() const { return end_; }

 private:
  void Insert(std::int64_t offset, std::int64_t size) {
    by_offset_.emplace(offset, size);
    by_size_.emplace(size, offset);
  }
  void Remove(std::int64_t offset, std::int64_t size) {
    by_offset_.erase(offset);
    by_size_.erase({size, offset});
  }

  std::map<std::int64_t, std::int64_t> by_offset_;
  std::set<std::pair<std::int64_t, std::int64_t>> by_size_;
  std::int64_t end_ = 0;
};

}  // namespace

MemoryLayout PlanMemory(std::span<const MemoryRequest> requests, bool reuse) {
  MemoryLayout layout;
  layout.offsets.assign(requests.size(), 0);
  if (!reuse) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      layout.offsets[i] = layout.bytes;
      layout.bytes += Aligned(requests[i].bytes);
    }
    return layout;
  }

  std::vector<std::size_t> by_first, by_last;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].bytes == 0) continue;
    by_first.push_back(i);
    by_last.push_back(i);
  }
  // Large ones first: they leave the pieces that small ones fit in.
  std::sort(by_first.begin(), by_first.end(), [&](std::size_t a, std::size_t b) {
    const MemoryRequest &p = requests[a], &q = requests[b];
    return p.first != q.first ? p.first < q.first : p.bytes != q.bytes ? p.bytes > q.bytes : a < b;
  });
  std::sort(by_last.begin(), by_last.end(), [&](std::size_t a, std::size_t b) {
    return requests[a].last != requests[b].last ? requests[a].last < requests[b].last : a < b;
  });

  FreePieces pieces;
  std::vector<std::int64_t> held(requests.size(), 0);  // bytes a request occupies; 0: handed over
  std::size_t ended = 0;
  for (std::size_t i : by_first) {
    const MemoryRequest& request = requests[i];
    while (ended < by_last.size() && requests[by_last[ended]].last < request.first) {
      const std::size_t done = by_last[ended++];
      if (held[done] != 0) pieces.Give(layout.offsets[done], held[done]);
    }
    if (request.takes_over >= 0) {
      const auto donor = static_cast<std::size_t>(request.takes_over);
      assert(held[donor] >= request.bytes && requests[donor].last == request.first);
      layout.offsets[i] = layout.offsets[donor];
      held[i] = std::exchange(held[donor], 0);
      continue;
    }
    held[i] = Aligned(request.bytes);
    layout.offsets[i] = pieces.Take(held[i]);
  }
  layout.bytes = pieces.end();
  return layout;
}

}  // namespace duet
