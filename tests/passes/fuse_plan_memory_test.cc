#include <gtest/gtest.h>

#include <random>

#include "passes/plan_memory.h"

namespace duet {
namespace {

TEST(PlanMemory, LivesThatOverlapNeverShareBytes) {
  std::mt19937_64 random(11);
  std::int64_t shared = 0, separate = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<MemoryRequest> requests;
    for (int i = 0; i < 60; ++i) {
      MemoryRequest request;
      request.bytes = static_cast<std::int64_t>(random() % 1000);
      request.first = static_cast<std::int32_t>(random() % 40);
      request.last = request.first + static_cast<std::int32_t>(random() % 8);
      requests.push_back(request);
    }
    const MemoryLayout layout = PlanMemory(requests);
    shared += layout.bytes;
    separate += PlanMemory(requests, /*reuse=*/false).bytes;
    for (std::size_t a = 0; a < requests.size(); ++a) {
      EXPECT_EQ(layout.offsets[a] % kArenaAlignment, 0);
      EXPECT_LE(layout.offsets[a] + requests[a].bytes, layout.bytes);
      for (std::size_t b = 0; b < a; ++b) {
        const bool same_time = requests[a].first <= requests[b].last && requests[b].first <= requests[a].last;
        const bool same_place = layout.offsets[a] < layout.offsets[b] + requests[b].bytes &&
                                layout.offsets[b] < layout.offsets[a] + requests[a].bytes;
        if (requests[a].bytes && requests[b].bytes) {
          EXPECT_FALSE(same_time && same_place);
        }
      }
    }
  }
  EXPECT_LT(shared * 2, separate);
}

TEST(PlanMemory, AChainNeedsTwoPlaces) {
  std::vector<MemoryRequest> requests;
  for (std::int32_t i = 0; i < 10; ++i) requests.push_back({1000, i, i + 1, -1});
  EXPECT_EQ(PlanMemory(requests).bytes, 2048);
}

TEST(PlanMemory, AChainInPlaceNeedsOne) {
  std::vector<MemoryRequest> requests;
  for (std::int32_t i = 0; i < 10; ++i) requests.push_back({1000, i, i + 1, i - 1});
  EXPECT_EQ(PlanMemory(requests).bytes, 1024);
}

}  // namespace
}  // namespace duet
