// The Python face of the core. Everything here is called by ludus.gameboy, which checks what people hand in.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <optional>

#include "batch.h"
#include "flat.h"

namespace nb = nanobind;
using namespace gb;

using Bytes = nb::ndarray<u8, nb::numpy, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Mask = nb::ndarray<bool, nb::numpy, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Frames = nb::ndarray<u8, nb::numpy, nb::c_contig, nb::device::cpu>;
using Addresses = nb::ndarray<u16, nb::numpy, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<u32, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Cycle = std::tuple<u16, u8, std::string>;     // address, data, "r" "w" "-"
using Registers = std::tuple<u8, u8, u8, u8, u8, u8, u8, u8, u16, u16>;  // a f b c d e h l sp pc

static void check_lane(const Batch& batch, size_t lane) {
  if (lane >= batch.size()) throw nb::index_error("no such lane");
}

static Batch* make_batch(nb::bytes rom, nb::bytes boot, u32 rom_banks, u32 ram_bytes, int mapper, bool rtc, int model, size_t lanes,
                         unsigned threads, bool skip, bool translate) {
  if (rom.size() != rom_banks * 0x4000ull || rom_banks < 2 || (rom_banks & (rom_banks - 1)) || (ram_bytes & (ram_bytes - 1)) ||
      (boot.size() != 0 && boot.size() != 256) || !lanes || !threads)
    throw std::invalid_argument("ROM banks, RAM bytes, boot ROM, lanes or threads do not fit");
  const Cartridge cart{nullptr, nullptr, rom_banks, ram_bytes, u8(mapper), u8(rtc)};
  return new Batch(std::string(rom.c_str(), rom.size()), std::string(boot.c_str(), boot.size()), cart, power::Model(model), lanes,
                   threads, skip, translate);
}

static void step(Batch& batch, Bytes buttons, std::optional<Mask> mask, u32 frames, u32 hold, int view, std::optional<Frames> out) {
  const size_t n = batch.size();
  if (buttons.size() != n || (mask && mask->size() != n) || (out && out->size() != n * view_bytes(View(view))))
    throw std::invalid_argument("buttons, mask or frames do not fit the lanes");
  const u8* pressed = buttons.data();
  const bool* chosen = mask ? mask->data() : nullptr;
  u8* pixels = out ? out->data() : nullptr;
  nb::gil_scoped_release release;  // given back before the turn is waited for
  const auto turn = batch.turn();
  batch.step(pressed, chosen, frames, hold, View(view), pixels);
}

static std::tuple<bool, nb::bytes> watch(Batch& batch, u32 frames, bool stop, std::optional<Frames> out) {
  if (out && out->size() != view_bytes(FULL)) throw std::invalid_argument("the picture is uint8[144, 160]");
  std::string link;
  bool broke;
  {
    u8* pixels = out ? out->data() : nullptr;
    nb::gil_scoped_release release;
    const auto turn = batch.turn();
    broke = batch.watch(frames, stop, pixels, link);
  }
  return {broke, nb::bytes(link.data(), link.size())};
}

static Registers registers(Batch& batch, size_t lane) {
  check_lane(batch, lane);
  const auto turn = batch.turn();
  const Lane& g = batch.lane(lane);
  return {g.a, g.f, u8(g.bc >> 8), u8(g.bc), u8(g.de >> 8), u8(g.de), u8(g.hl >> 8), u8(g.hl), g.sp, g.pc};
}

static nb::bytes peek(Batch& batch, size_t lane, u32 from, u32 to) {
  check_lane(batch, lane);
  if (from > to || to > 0x10000) throw nb::index_error("addresses are 0000..FFFF");
  const auto turn = batch.turn();
  std::string bytes;
  for (u32 addr = from; addr < to; addr++) bytes.push_back(char(batch.peek(lane, u16(addr))));
  return nb::bytes(bytes.data(), bytes.size());
}

static void read_numbers(Batch& batch, Addresses addresses, Bytes sizes, Numbers out) {
  const size_t count = addresses.size();
  if (sizes.size() != count || out.shape(0) != batch.size() || out.shape(1) != count)
    throw std::invalid_argument("addresses, sizes or numbers do not fit");
  const auto turn = batch.turn();
  batch.read_numbers(addresses.data(), sizes.data(), count, out.data());
}

// One instruction on flat memory: the registers after it, IME, a pending EI, and every machine cycle. `memory` is changed in place.
static std::tuple<Registers, bool, bool, std::vector<Cycle>> run_flat(Registers before, bool ime, Bytes memory) {
  if (memory.size() != 0x10000) throw std::invalid_argument("memory is uint8[65536]");
  const auto [a, f, b, c, d, e, h, l, sp, pc] = before;
  Cpu cpu{0, pc, 0, u16(b << 8 | c), u16(d << 8 | e), u16(h << 8 | l), sp, a, f, 0, 0};
  FlatBus bus{memory.data(), {}, 0, ime, 0};
  bus.step(cpu);
  std::vector<Cycle> cycles;
  for (u32 i = 0; i < bus.count; i++) cycles.emplace_back(bus.cycles[i].address, bus.cycles[i].data, std::string(1, bus.cycles[i].kind));
  const Registers after{cpu.a, cpu.f, u8(cpu.bc >> 8), u8(cpu.bc), u8(cpu.de >> 8), u8(cpu.de), u8(cpu.hl >> 8), u8(cpu.hl), cpu.sp, u16(cpu.ip)};
  return {after, bus.ime, bus.ei_pending, cycles};
}

NB_MODULE(_native, m) {
  m.def("run_flat", &run_flat);
  nb::class_<Batch>(m, "Batch")
      .def(nb::new_(&make_batch), nb::kw_only(), nb::arg("rom"), nb::arg("boot"), nb::arg("rom_banks"), nb::arg("ram_bytes"),
           nb::arg("mapper"), nb::arg("rtc"), nb::arg("model"), nb::arg("lanes"), nb::arg("threads"), nb::arg("skip"), nb::arg("translate") = true)
      .def_prop_ro("lanes", &Batch::size)
      .def_prop_ro("state_bytes", &Batch::state_bytes)
      .def_prop_ro("translates", &Batch::translates)
      .def_prop_ro("translated", [](Batch& b) { const auto turn = b.turn(); return b.translated(); })
      .def("power_on", [](Batch& b, size_t lane) { check_lane(b, lane); const auto turn = b.turn(); b.power_on(lane); })
      .def("step", &step, nb::arg("buttons").noconvert(), nb::arg("mask").none().noconvert(), nb::arg("frames"), nb::arg("hold"),
           nb::arg("view"), nb::arg("out").none().noconvert())
      .def("watch", &watch, nb::arg("frames"), nb::arg("stop"), nb::arg("out").none().noconvert())
      .def("set_buttons", [](Batch& b, size_t lane, u8 buttons) { check_lane(b, lane); const auto turn = b.turn(); b.set_buttons(lane, buttons); })
      .def("registers", &registers)
      .def("clock", [](Batch& b, size_t lane) { check_lane(b, lane); const auto turn = b.turn(); return b.lane(lane).clock; })
      .def("frames", [](Batch& b, size_t lane) { check_lane(b, lane); const auto turn = b.turn(); return b.lane(lane).frames; })
      .def("peek", &peek)
      .def("read_numbers", &read_numbers, nb::arg("addresses").noconvert(), nb::arg("sizes").noconvert(), nb::arg("out").noconvert())
      .def("poke", [](Batch& b, size_t lane, u16 addr, u8 value) { check_lane(b, lane); const auto turn = b.turn(); b.poke(lane, addr, value); })
      .def("save", [](Batch& b, size_t lane) { check_lane(b, lane); const auto turn = b.turn(); const std::string s = b.save(lane); return nb::bytes(s.data(), s.size()); })
      .def("load", [](Batch& b, size_t lane, nb::bytes s) { check_lane(b, lane); const auto turn = b.turn(); b.load(lane, std::string(s.c_str(), s.size())); });
}
