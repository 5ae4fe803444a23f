// The empty table that the kernel generator links in place of what it generates.
#include "eager/kernel_table.h"
#include "eager/matmul.h"

namespace duet {

extern "C" const KernelEntry duet_kernels[] = {{}};
extern "C" const MatmulKernelEntry duet_matmul_kernels[] = {{}};

}  // namespace duet
