// A scan whose gradient keeps only some of its carries.
#pragma once

#include <duet/control_flow.h>

namespace duet::internal {

/// RunScan in blocks of options.checkpoint_every iterations, of which a gradient computes the inside again: a scan over
/// blocks, and one over what is left. The same bits.
Leaves RunCheckpointedScan(const char* name, const LeafFunction& body, Leaves carries, const Leaves& xs, Dim length,
                           const ScanOptions& options, SourceLocation line);

}  // namespace duet::internal
