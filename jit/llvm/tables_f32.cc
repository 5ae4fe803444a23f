#include "jit/llvm/tables_f32.h"

namespace duet::tables_f32 {

const float kTanhCentre[16] = {
    0x1.41aeap+0f,
    0x1.c0b6ep+0f,
    0x1.20bbep+1f,
    0x1.5f52cp+1f,
    0x1.be79cp+1f,
    0x1.20e19p+2f,
    0x1.5f584p+2f,
    0x1.a0c98p+2f,
    0x1.fe28p+2f,
    0x1.204facp+3f,
    0x1.6p+3f,
    0x1.ap+3f,
    0,
    0x1.583c9ep-2f,
    0x1.410ep-1f,
    0x1.c09bcp-1f,
};

const float kTanhPolynomial[7][16] = {
    {0x1.b34266p-1f, 0x1.e2257ep-1f, 0x1.f4e052p-1f, 0x1.fbc9bep-1f, 0x1.ff0b6cp-1f, 0x1.ffe088p-1f, 0x1.fffb88p-1f,
     0x1.ffff6cp-1f, 0x1.fffff8p-1f, 0x1.fffffep-1f, 0x1p+0f, 0x1p+0f, 0, 0x1.4bd47ap-2f, 0x1.1caf3cp-1f,
     0x1.68b4d4p-1f},
    {0x1.1bf54p-2f, 0x1.cfbb24p-4f, 0x1.6017d8p-5f, 0x1.0c74aap-6f, 0x1.e8b582p-9f, 0x1.f772e4p-12f, 0x1.1e003cp-14f,
     0x1.2800fep-17f, 0x1.0061p-21f, 0x1.8e269ep-26f, 0, 0, 0, 0x1.ca3c1cp-1f, 0x1.61b55ep-1f, 0x1.01e176p-1f},
    {-0x1.e2cb5ap-3f, -0x1.b4b11p-4f, -0x1.58718ap-5f, -0x1.0a3f46p-6f, -0x1.e7c906p-9f, -0x1.f7560cp-12f,
     -0x1.1dfccp-14f, -0x1.282676p-17f, -0x1.000fdp-21f, 0x1.4c7814p-8f, 0, 0, -0x1.24d778p-20f, -0x1.28fbfcp-2f,
     -0x1.895754p-2f, -0x1.6b5b38p-2f},
    {0x1.ba50b8p-4f, 0x1.00ada4p-4f, 0x1.b7324ep-6f, 0x1.5d21bcp-7f, 0x1.43ae2cp-9f, 0x1.4f0e5ep-12f, 0x1.7ce776p-15f,
     0x1.8a8d4ep-18f, 0x1.4f40c6p-22f, 0x1.e4bcbcp-10f, 0, 0, -0x1.5544dap-2f, -0x1.a28292p-3f, -0x1.11b086p-6f,
     0x1.5041ep-4f},
    {-0x1.b11c9p-7f, -0x1.809f76p-6f, -0x1.9011bp-7f, -0x1.51906p-8f, -0x1.41978ep-10f, -0x1.4e6d04p-13f,
     -0x1.7d24ccp-16f, -0x1.84b428p-19f, -0x1.53568cp-23f, -0x1.007c8cp+7f, 0, 0, -0x1.356bfp-10f, 0x1.4d8cb4p-3f,
     0x1.194288p-3f, 0x1.ef342cp-5f},
    {-0x1.38e88ep-6f, 0x1.cd878ap-9f, 0x1.030986p-8f, 0x1.fa7e54p-10f, 0x1.06f9a6p-11f, 0x1.166e6p-14f, 0x1.3d8a1p-17f,
     0x1.444e9cp-20f, 0x1.413a12p-24f, -0x1.18773cp+4f, 0, 0, 0x1.2500a8p-3f, 0x1.22d14p-5f, -0x1.bf42f4p-5f,
     -0x1.df3c26p-5f},
    {0x1.ed13f6p-7f, 0x1.12e756p-9f, -0x1.793af4p-11f, -0x1.1e0fd2p-11f, -0x1.4b0564p-13f, -0x1.7a9874p-16f,
     -0x1.9ef3aep-19f, -0x1.136788p-21f, -0x1.92a1ep-26f, 0x1.8bbbd8p+19f, 0, 0, -0x1.2eafcap-5f, -0x1.221156p-4f,
     -0x1.899768p-6f, 0x1.a697a2p-7f},
};

const float kErfCentre[16] = {
    0,
    0x1.a951c6p-3f,
    0x1.f41cbp-2f,
    0x1.92d5fap-1f,
    0x1.0d58dp+0f,
    0x1.50a65cp+0f,
    0x1.94db9ap+0f,
    0x1.d747b2p+0f,
    0x1.0d0a4cp+1f,
    0x1.2f73d4p+1f,
    0x1.515b7cp+1f,
    0x1.720f94p+1f,
    0x1.942c6ep+1f,
    0x1.b5e35ap+1f,
    0x1.d81acep+1f,
    0x1.f9c93ep+1f,
};

const float kErfPolynomial[7][16] = {
    {0, 0x1.d91c44p-3f, 0x1.053e06p-1f, 0x1.77e376p-1f, 0x1.b9f9e8p-1f, 0x1.dfc8bep-1f, 0x1.f309c4p-1f, 0x1.fb466ep-1f,
     0x1.fe7cd6p-1f, 0x1.ff971cp-1f, 0x1.ffe6a2p-1f, 0x1.fffa5p-1f, 0x1.fffef4p-1f, 0x1.ffffd4p-1f, 0x1.fffffap-1f,
     0x1p+0f},
    {0x1.06eba8p-3f, 0x1.14abe2p+0f, 0x1.c72116p-1f, 0x1.371616p-1f, 0x1.7df096p-2f, 0x1.99f764p-3f, 0x1.7afacap-4f,
     0x1.37e34cp-5f, 0x1.bde77ap-7f, 0x1.0bf41p-8f, 0x1.1c94f6p-10f, 0x1.155878p-12f, 0x1.ba9c88p-15f, 0x1.390108p-17f,
     0x1.76771ap-20f, 0x1.8a6044p-23f},
    {0, -0x1.cba9cp-3f, -0x1.bc8fc6p-2f, -0x1.e984bp-2f, -0x1.91da5p-2f, -0x1.0d8f92p-2f, -0x1.2bac6ep-3f,
     -0x1.1f1546p-4f, -0x1.d49d92p-6f, -0x1.3d9f06p-7f, -0x1.77068ap-9f, -0x1.90ec16p-11f, -0x1.5d971ap-13f,
     -0x1.0c2148p-15f, -0x1.2df24ep-17f, -0x1.853b3p-16f},
    {-0x1.81264cp-2f, -0x1.5114f2p-2f, -0x1.3d5b96p-3f, 0x1.8afec2p-5f, 0x1.351c4cp-3f, 0x1.4ffcb8p-3f, 0x1.f994dcp-4f,
     0x1.2c5bfep-4f, 0x1.232b0ep-5f, 0x1.c955bap-7f, 0x1.31c082p-8f, 0x1.6b3c58p-10f, 0x1.5d4cb6p-12f, 0x1.2432d6p-14f,
     0x1.94dfc2p-17f, 0x1.77909ap-19f},
    {0, 0x1.bea09p-4f, 0x1.75d66ap-3f, 0x1.1f77a6p-3f, 0x1.a52d0cp-5f, -0x1.498ebap-6f, -0x1.9001ep-5f, -0x1.698b7p-5f,
     -0x1.c8189cp-6f, -0x1.b4488ep-7f, -0x1.543898p-8f, -0x1.ca008ap-10f, -0x1.decf12p-12f, -0x1.a63c0ap-14f,
     0x1.19a7cp-11f, 0x1.aa8ddcp-9f},
    {0x1.cb7b9cp-4f, 0x1.71cdd8p-4f, 0x1.70794ap-7f, -0x1.dd807ep-5f, -0x1.10ed54p-4f, -0x1.3c2ffcp-5f, -0x1.9debdep-8f,
     0x1.52bf5ep-7f, 0x1.9f99d2p-7f, 0x1.1493ep-7f, 0x1.0c0fdcp-8f, 0x1.a81f22p-10f, 0x1.05413cp-11f, 0x1.0ecc92p-13f,
     0x1.1a2a18p-15f, -0x1.77fa12p-15f},
    {0, -0x1.57c22ep-5f, -0x1.9daba6p-5f, -0x1.5cf43ep-6f, 0x1.38b45ap-7f, 0x1.670e78p-6f, 0x1.0b5ee6p-6f,
     0x1.5e8e04p-8f, -0x1.c088a8p-11f, -0x1.8feb6ep-9f, -0x1.2e751p-9f, -0x1.236ed6p-10f, -0x1.dfab08p-11f,
     -0x1.b4f848p-12f, -0x1.4b3f1ep-6f, -0x1.e3df4ap-4f},
};

const float kLogFactor[16] = {
    0x1p+0f,   0x1.dp-1f, 0x1.cp-1f,  0x1.ap-1f,  0x1.9p-1f, 0x1.8p-1f,  0x1.7p-1f, 0x1.6p-1f,
    0x1.5p+0f, 0x1.4p+0f, 0x1.38p+0f, 0x1.28p+0f, 0x1.2p+0f, 0x1.18p+0f, 0x1.1p+0f, 0x1p+0f,
};

const float kLnHigh[16] = {
    0,
    0x1.933p-4f,
    0x1.1178p-3f,
    0x1.a94p-3f,
    0x1.f99p-3f,
    0x1.2698p-2f,
    0x1.522cp-2f,
    0x1.7fbp-2f,
    -0x1.1674p-2f,
    -0x1.c9p-3f,
    -0x1.9528p-3f,
    -0x1.2958p-3f,
    -0x1.e27p-4f,
    -0x1.6f1p-4f,
    -0x1.f0ap-5f,
    0,
};

const float kLnLow[16] = {
    0,
    0x1.797566p-18f,
    0x1.d044fcp-20f,
    -0x1.2c3752p-19f,
    0x1.c6cb3cp-19f,
    -0x1.deecb2p-18f,
    -0x1.1f8c76p-18f,
    -0x1.7109fap-20f,
    -0x1.cababap-18f,
    0x1.070cacp-20f,
    0x1.2b185ep-18f,
    0x1.683fp-18f,
    -0x1.db8abcp-22f,
    0x1.6ba8d4p-19f,
    -0x1.86008cp-20f,
    0,
};

const float kLog2High[16] = {
    0,
    0x1.22d8p-3f,
    0x1.8a88p-3f,
    0x1.32cp-2f,
    0x1.6cbp-2f,
    0x1.a9p-2f,
    0x1.e7ep-2f,
    0x1.14c6p-1f,
    -0x1.91bcp-2f,
    -0x1.49a8p-2f,
    -0x1.244p-2f,
    -0x1.acf8p-3f,
    -0x1.5cp-3f,
    -0x1.08c8p-3f,
    -0x1.664p-4f,
    0,
};

const float kLog2Low[16] = {
    0,
    0x1.6e155ap-18f,
    0x1.80abfcp-19f,
    -0x1.1c8f12p-22f,
    0x1.ed0cbap-19f,
    -0x1.a39fbep-20f,
    -0x1.40358ep-19f,
    -0x1.3e032ep-18f,
    0x1.5db83ap-20f,
    0x1.ed0cbap-20f,
    -0x1.eac382p-20f,
    0x1.0e9258p-18f,
    -0x1.a39fbep-19f,
    0x1.3b992cp-18f,
    0x1.20a6dep-21f,
    0,
};

const double kInversePiHigh[8] = {
    0x1.45f306dc9c883p-2,  0x1.45f306dc9c883p+14, -0x1.9f246c6efab58p+17, 0x1.b9391054a7f0ap+21,
    0x1.1054a7f09d5f4p+21, 0x1.4fe13abe8fa9ap+20, 0x1.3abe8fa9a6eep+20,   -0x1.70565911f924fp+20,
};

const double kInversePiLow[8] = {
    -0x1.6b01ec5417056p-56, -0x1.6b01ec5417056p-40, -0x1.ec54170565912p-40, -0x1.505c1596447e5p-34,
    0x1.f534ddc0db629p-33,  0x1.bb81b6c52b328p-34,  0x1.b6c52b3278872p-34,  0x1.2b3278872084p-34,
};

}  // namespace duet::tables_f32
