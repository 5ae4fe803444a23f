// A small buffer with room in its block for the TensorBody that it is made with: a small tensor is one allocation.
// The room lives as long as the buffer does, so the body may go first, and views keep the elements.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/buffer.h"

namespace duet {

/// From here on AllocateBuffer takes blocks from the cache, which have no room.
inline constexpr std::int64_t kLargeBuffer = 64 << 10;

/// Like AllocateBuffer, of fewer than kLargeBuffer bytes, with this much room, aligned to 16 bytes.
BufferRef AllocateBufferWithRoom(std::int64_t bytes, std::size_t room);
/// The room of a buffer; null where it has none.
void* RoomOf(Buffer* buffer);

}  // namespace duet
