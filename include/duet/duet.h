// Everything a user of Duet needs.
#pragma once

#include <duet/control_flow.h>
#include <duet/dtype.h>
#include <duet/effects.h>
#include <duet/error.h>
#include <duet/function.h>
#include <duet/gradient.h>
#include <duet/host_call.h>
#include <duet/memory.h>
#include <duet/ops.h>
#include <duet/optimizers.h>
#include <duet/random.h>
#include <duet/shape.h>
#include <duet/spec.h>
#include <duet/tensor.h>
#include <duet/tensor_list.h>
#include <duet/threads.h>
#include <duet/transforms.h>
#include <duet/variable.h>
#include <duet/verify.h>
