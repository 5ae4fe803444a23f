// kSanitized: whether this program runs under a sanitizer, which keeps freed memory and takes its time.
#pragma once

namespace duet {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace duet
