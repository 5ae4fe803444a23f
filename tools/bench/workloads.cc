#include "tools/bench/workload.h"

namespace duet::bench {

const std::vector<Workload>& Workloads() {
  static const std::vector<Workload> workloads = [] {
    std::vector<Workload> list;
    AddElementwise(list);
    AddRows(list);
    AddProducts(list);
    AddTraining(list);
    AddCalls(list);
    AddLoops(list);
    return list;
  }();
  return workloads;
}

}  // namespace duet::bench
