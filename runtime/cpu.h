// Which instruction set generated code may use: chosen once at start from the CPU, capped by DUET_ISA=v3|v4.
#pragma once

#include <cstdint>

namespace duet {

/// x86-64-v3: AVX2 and FMA. x86-64-v4: AVX-512 F, BW, CD, DQ, VL.
enum class Isa : std::uint8_t { kV3, kV4 };

inline const char* name(Isa isa) { return isa == Isa::kV4 ? "v4" : "v3"; }

/// The best this CPU has; less than v3 ends the process at start with a message that says what is missing.
Isa CpuIsa();
/// CpuIsa() or less, by DUET_ISA.
Isa ActiveIsa();

}  // namespace duet
