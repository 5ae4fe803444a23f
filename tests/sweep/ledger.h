// The ledger: a hash of every op's results per dtype, kept in tests/sweep/ledger.txt. Instruction sets and machines
// that agree with it agree with each other; a change of Duet's numbers is a change of the file. DUET_BLESS=1 writes it
// anew.
#pragma once

#include <cstdint>
#include <string>

namespace duet {

/// Empty if the ledger has this hash for the key, `exp f32`; else what it has.
std::string CheckLedger(const std::string& key, std::uint64_t hash);

}  // namespace duet
