"""Constants of the cost models: each fitted to timings on one card, and estimated from there for others.

Every time, rate and threshold that measurements on another card could change is a field here, so that
decisions ask the target for it; published sizes are in `spec.py`. Constants that follow from the form of a
kernel or an algorithm stay beside that code: tiles, the width of accesses, the share of a thread's 255
registers that accumulators may take, and the limits of searches. Latencies in cycles differ little between
generations; throughput does, and has an entry for each.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from math import inf

MEASURED = "h200"  # the card that the constants below were fitted on
MEASURED_CLOCK = 1.755e9  # its clock under load, in Hz


@dataclass(frozen=True)
class Fit:
    """Constants of one cost model. Times are in microseconds unless stated otherwise.

    card: the name of the card that they were fitted on; "" where they follow from published figures.
    """

    card: str = field(default=MEASURED, kw_only=True)


@dataclass(frozen=True)
class Throughput(Fit):
    """Rates of a multiprocessor's units, per clock.

    shared_bandwidth: of shared memory, in bytes; mma: FLOPs of mma.sync with 16-bit operands; wgmma: those of
    wgmma, where there is one; simt: those of scalar arithmetic on 32-bit operands.
    """

    shared_bandwidth: float
    mma: float
    simt: float
    wgmma: float = 0.0


@dataclass(frozen=True)
class MemoryFit(Fit):
    """What accesses cost by their width."""

    # Slowdown of memory by accesses of 1, 2, 4, 8 and 16 bytes per thread.
    slowdowns: tuple[float, ...] = (2.5, 1.75, 1.25, 1.0, 1.0)

    def slowdown(self, width: int) -> float:
        """The slowdown of memory by accesses of WIDTH bytes, a power of two up to 16."""
        return self.slowdowns[width.bit_length() - 1]


@dataclass(frozen=True)
class RegistersFit(Fit):
    """Registers of a thread in kernels compiled for the card, from which their occupancy is estimated."""

    mma: int = 80  # of a product by mma.sync, beside its accumulators
    mma_wide: int = 100  # the same with more than `mma_narrow` accumulators
    mma_narrow: int = 32  # accumulators
    wgmma: int = 48  # of a product by wgmma, beside its accumulators
    few_channels: int = 48  # of a convolution of few channels, beside its accumulators and windows
    few_channels_pool: int = 36  # of one with a pool, beside these and the maxima
    simt: int = 64  # of a product on scalar units, beside accumulators and operands
    attention: int = 128  # of attention by mma.sync
    other: int = 48  # where a kernel states no occupancy; nearly always an upper bound


@dataclass(frozen=True)
class RasterFit(Fit):
    """When tiles are visited in bands of rows, so that their operands stay in the L2 cache.

    Bands pay where the cache does not hold B, which is taken to be a number of columns of tiles; never where
    B is a small part of it.
    """

    column_bytes: int = 50 * 2**16  # of the L2 cache, per column of tiles: 16 columns in 50 MiB
    rows: int = 8  # tile rows of a band
    small: int = 64  # B is no larger than this part of the L2 cache


@dataclass(frozen=True)
class ContractionFit(Fit):
    """Constants of the contraction cost model, fitted by `benchmarks/contraction/fit.py`.

    Times are in cycles unless stated otherwise.
    """

    efficiency: float = 0.78  # sustained share of the peak multiply-add rate
    l2_bandwidth: float = 80.1  # bytes per clock and multiprocessor
    astride: float = 1.0  # times that, of taps whose lines begin within those of the cache
    narrow: float = 2.5  # extra cost of copies narrower than 16 bytes; see `staging.stored_bytes`
    memory_latency: float = 1227.0  # from issue to arrival of a copy, L2 and DRAM mixed
    step_latency: float = 18.2  # one dependent round of fragment loads and multiply-adds
    start: float = 933.0  # until a block's first tile has arrived
    row_bandwidth: float = 55.6  # bytes of A per clock and block, which follow the wait for the launch before
    issue: float = 133.0  # of a multiprocessor, for each warp of a block, outside the main loop
    finish: float = 15.8  # epilogue, per byte of a thread's accumulators
    split: float = 4790.0  # split-K: round trip to the counter, and the last block's reads
    exchange: float = 1293.0  # split-K in a cluster: until sums have gone from block to block
    cluster_bandwidth: float = 5.28  # bytes per clock of the sums that a block sends to its cluster
    cluster_room: float = 0.9  # share of the multiprocessors that clusters of four blocks or more can fill
    launch: float = 0.459  # launch latency in microseconds


# Of products by wgmma, whose main loop leaves less to the latencies of single instructions.
WGMMA = ContractionFit(
    efficiency=0.98,
    l2_bandwidth=100.0,
    astride=2.5,
    narrow=2.3,
    memory_latency=1468.0,
    step_latency=13.0,
    start=975.0,
    finish=6.39,
    split=7000.0,
    exchange=2869.0,
    cluster_bandwidth=19.3,
    launch=0.046,
    issue=119.0,
    row_bandwidth=30.3,
)

# Of products on scalar units, which were timed on weights in the cache only.
SIMT = ContractionFit(
    l2_bandwidth=60.0,
    memory_latency=925.0,
    step_latency=25.0,
    start=1170.0,
    row_bandwidth=inf,
    issue=0.0,
    finish=16.7,
    exchange=2500.0,
    cluster_bandwidth=20.0,
    launch=0.44,
)


@dataclass(frozen=True)
class PersistentFit(Fit):
    """Constants of the cost model of persistent contractions. Times are in cycles unless stated otherwise."""

    launch: float = 0.3  # launch latency in microseconds
    start: float = 2800.0  # until a block's first tile has arrived, and from its last product to its end
    efficiency: float = 0.95  # sustained share of the peak multiply-add rate, at the clock under its power
    step: float = 27.0  # of a k tile, beside its products
    shallow: float = 90.0  # the same, more, of few stages
    l2_bandwidth: float = 81.0  # bytes per clock and multiprocessor
    beyond: float = 2.5  # more time of a tile's copies, for the share of its rows beyond the last
    astride: float = 1.8  # times that, of taps whose lines begin within those of the cache
    shared_bandwidth: float = 180.0  # the same, of shared memory
    finish: float = 0.14  # epilogue, per result of a tile that threads store
    leave: float = 0.081  # the same, where bulk stores take it
    convert: float = 0.05  # of either, where sums of integers are scaled and rounded
    bandwidth: float = 0.91  # share of the memory's bandwidth that bulk copies reach
    tile: float = 300.0  # of a tile, beside products and epilogue
    meet: float = 800.0  # of a cluster, whose blocks meet twice
    exchange: float = 150.0  # for each other block of a cluster that shares a tile
    sent: float = 0.058  # the same for each byte of sums that these send
    part: float = 0.66  # time of products in a part of k, where few multiprocessors are busy, as a share
    shared_step: float = 84.0  # the same in a cluster: stages wait for both blocks
    line: float = 3.5  # of a line of 128 bytes that a window's copy gathers, for each row of a tile
    narrow_line: float = 2.5  # the same of a shorter one
    crowd: float = 2000.0  # of a tile whose B all blocks read from the same few lines of the L2 cache
    crowded: float = 4096.0  # bytes of B up to which that takes so long; of more, as much less


@dataclass(frozen=True)
class ChainedFit(Fit):
    """Constants of the cost model of chained contractions, beside those of persistent ones, in cycles."""

    residual: float = 2500.0  # from the end of a chunk in a buffer until the residual of the next is there
    weights: float = 1600.0  # the same of the weights of a chunk, beside their bytes
    lead: float = 0.6  # chunks for which a slot of weights is read
    step: float = 80.0  # of a product of a chunk, beside its multiplications
    issue: float = 0.09  # of a multiprocessor, whose warpgroups take turns, for each result
    convert: float = 0.05  # the same, more, where sums of integers are scaled and rounded
    chunk: float = 100.0  # the same for each chunk


@dataclass(frozen=True)
class BottleneckFit(Fit):
    """Constants of the cost model of bottlenecks, beside those of persistent contractions, in cycles."""

    bandwidth: float = 0.95  # share of that of memory
    finish: float = 0.075  # of a warpgroup, for each result
    convert: float = 0.14  # the same, more, where sums of integers are scaled and rounded
    step: float = 90.0  # of a chunk: its barriers, and the latency of its products
    residual: float = 2100.0  # from the end of a chunk in a buffer until the residual of the next is there
    patch: float = 1200.0  # from the last product of a tile until the next patch is there
    issue: float = 0.027  # of a multiprocessor, for each result
    scale: float = 0.055  # the same, more, where sums of integers are scaled and rounded
    chunk: float = 330.0  # the same for each chunk


@dataclass(frozen=True)
class InvertedResidualFit(Fit):
    """Constants of the cost model of inverted residuals, in cycles of a multiprocessor unless stated."""

    launch: float = 0.8  # launch latency in microseconds
    start: float = 2800.0  # until a block's first tile has arrived, and from its last product to its end
    bandwidth: float = 72.0  # bytes of weights per clock that come before that
    issue: float = 0.261  # of an instruction of a warp
    wavefront: float = 0.52  # of an access of 128 bytes of shared memory
    efficiency: float = 0.31  # sustained share of the peak multiply-add rate of mma.sync
    warps: float = 4.9  # of a multiprocessor, with which latencies take as long again as what hides them
    chunk: float = 160.0  # of a block that is alone, for each chunk: latencies between barriers
    tile: float = 25.0  # the same for each tile: its patch and its results
    bring: float = 250.0  # of a chunk of a patch that is not expanded: what others do not hide of its copies
    exchange: float = 110.0  # of a cluster: until sums have gone from block to block


@dataclass(frozen=True)
class GemvFit(Fit):
    """Constants of the cost model of products of few rows. Times are in cycles unless stated otherwise."""

    launch: float = 0.2  # launch latency in microseconds
    start: float = 600.0  # until a warp's first weights have arrived, and from its last product to its end
    step: float = 15.0  # of a warp's step, beside the arrival of weights
    warp: float = 4.0  # of the sums, for each of a block's warps
    efficiency: float = 0.89  # sustained share of the bandwidth of memory
    flight: float = 36e3  # bytes in flight that saturate a multiprocessor's share of it
    l2_bandwidth: float = 17.7  # bytes per clock and multiprocessor
    exchange: float = 150.0  # of a cluster, until sums have gone from block to block
    bulk_efficiency: float = 0.95  # sustained share of the bandwidth of memory, by bulk copies
    bulk_bandwidth: float = 38.0  # bytes per clock that these bring to a multiprocessor
    bulk_start: float = 3300.0  # with bulk copies, from the wait for the launch before to the end
    bulk_step: float = 43.0  # the same for each step of a warp
    row_bandwidth: float = 20.0  # bytes of rows per clock, which follow the wait
    bulk_exchange: float = 180.0  # the same as `exchange`, for each other block
    block: float = 390.0  # of a multiprocessor, for each block but one
    crowd: float = 1400.0  # where there is no room for all blocks of the next launch
    turn_efficiency: float = 1.03  # as `bulk_efficiency`, where blocks take turns: copies never rest
    turn: float = 300.0  # of each further tile of a block that takes turns
    follow: float = 700.0  # of a block in the place of one that has ended, in which copies rest
    rows_start: float = 800.0  # of rows that a block computes, beyond those that copies bring
    rows_pass: float = 600.0  # the same for each row of a warp


@dataclass(frozen=True)
class PackedFit(Fit):
    """Constants of products of few rows with packed weights, in clocks unless stated otherwise."""

    efficiency: float = 0.85  # sustained share of the bandwidth of memory
    start: float = 1000.0  # from the wait for the launch before to the end
    copy: float = 54.0  # of a multiprocessor, for each bulk copy, however much it brings
    unpack: float = 31.6  # of a multiprocessor, for a record of 16 columns
    unpack_rows: float = 24.0  # the same for each eight rows but the first
    step: float = 456.0  # of a warp's record, one after the other
    tile: float = 1.0  # the same for each 16 columns of it by eight rows
    warp: float = 66.0  # of each warp, whose sums are added up
    exchange: float = 633.0  # of sums, each time that the blocks of a cluster double
    block: float = 3280.0  # of each wave of blocks but one
    crowd: float = 956.0  # where there is no room for all blocks of the next launch
    rows: float = 585.0  # of rows that a block computes, for each of a warp


@dataclass(frozen=True)
class StripsFit(Fit):
    """Constants of the cost model of kernels over strips: depthwise convolutions, and maxima of windows."""

    launch: float = 2.1  # launch latency, and a block's weights
    thread: float = 27.0  # instructions of a thread, beside those for its lines and outputs
    issue: float = 1.2  # cycles of a scheduler per instruction
    code: float = 0.0003  # to fetch an instruction, of code without loops; not fitted
    memory: float = 0.9  # time over that of moving every byte once at the bandwidth of copies
    narrow: float = 15.0  # bytes of a block's adjacent channels for which memory takes twice as long
    start: float = 0.87  # of a thread, beside its lines
    line: float = 0.22  # of a thread, for each line, with one loaded ahead
    norm: float = 2.5  # of what bounds a kernel: how far one thing hides another
    alike: float = 0.01  # of the least time: a difference that does not tell kernels apart; not fitted

    def slowed(self, factor: float) -> StripsFit:
        """The constants on a card whose cycles are FACTOR times as long."""
        return replace(self, start=self.start * factor, line=self.line * factor)


@dataclass(frozen=True)
class FewChannelsFit(Fit):
    """Constants of the cost model of convolutions of few channels. Times are in cycles unless stated."""

    launch: float = 0.5  # launch latency in microseconds
    start: float = 1500.0  # until a block's first loads, and after its last store
    weights: float = 250.0  # of 16 bytes of the weights for each thread of a block
    load: float = 1500.0  # until a patch of few chunks for each thread is in shared memory
    tile: float = 600.0  # of a tile, beside its products
    chunk: float = 0.15  # of a multiprocessor, for 16 bytes of a patch
    element: float = 0.02  # the same for each element of a chunk
    finish: float = 0.05  # epilogue, per result
    maximum: float = 0.03  # with a pool, per result of the convolution
    passed: float = 2.0  # bytes through shared memory for each, with a pool


@dataclass(frozen=True)
class RecurrenceFit(Fit):
    """Constants of the cost model of recurrent kernels. Times are in cycles unless stated otherwise."""

    launch: float = 2.0  # launch latency in microseconds
    start: float = 6000.0  # until the weights are in registers and the blocks of a cluster have met
    product: float = 6.8  # of a scheduler, for a product of 16 x 8 x 16
    latency: float = 12.0  # of a product that depends on the one before
    multiply: float = 1.2  # of a scheduler, for a product in f32 of each thread of a warp
    widen: float = 12.0  # of a scheduler, for eight weights of a byte of each thread of a warp
    meet: float = 90.0  # for each warp more that shares k
    cell: float = 300.0  # gates and states of a thread's cell
    exchange: float = 250.0  # until a state has arrived in other blocks
    piece: float = 1.8  # of 16 bytes that a thread sends to a block
    copy: float = 25.0  # of a bulk copy to a block
    block: float = 0.5  # of a warp, to meet the others of its block before a copy
    bandwidth: float = 120.0  # bytes per clock of bulk copies
    wgmma_column: float = 0.5  # of a sequence, in a product of a warpgroup by wgmma
    wgmma_least: float = 13.0  # of such a product
    wgmma_bandwidth: float = 18.0  # bytes per clock of states that arrive
    wgmma_cell: float = 160.0  # gates and states of a cell of each thread of a warpgroup
    wgmma_rest: float = 1075.0  # of a step, until the first state has arrived
    grid_exchange: float = 2200.0  # until a state has gone through memory to all blocks of a grid
    grid_bandwidth: float = 40.0  # bytes per clock at which a block loads a state
    sharing: float = 0.3  # longer steps for another block on the multiprocessor
    loop_step: float = 7.0  # a step of a loop in the kernel's place, beside its products, in microseconds
    room: float = 0.85  # share of the multiprocessors that clusters of more than two blocks can fill


@dataclass(frozen=True)
class InteractionFit(Fit):
    """Constants of the cost model of interactions, which are guesses: only whole networks have been timed."""

    launch: float = 1.0  # launch latency in microseconds
    latency: float = 1.5  # microseconds of an index, then of the row that it picks, then of the products
    scattered: float = 2.0  # of stores of single elements beside those of whole vectors


@dataclass(frozen=True)
class EmbeddingBagFit(Fit):
    """Constants of the cost model of sums of rows, by eye from timings of configurations on an H200."""

    launch: float = 1.0  # launch latency in microseconds
    start: float = 1.5  # microseconds of the first indices, then of the rows that they pick
    latency: float = 0.45  # microseconds of some rows on the way at once, behind the first
    shared: float = 0.25  # microseconds of adding up what two threads have
    resident: int = 1024  # threads of a multiprocessor beyond which more hide no more latency
    sector: int = 64  # bytes that memory delivers at a time
    share: float = 1.0  # of the bandwidth of memory that rows at random places get


@dataclass(frozen=True)
class AttentionFit(Fit):
    """Constants of the cost model of attention by mma.sync. Times are in cycles unless stated otherwise."""

    launch: float = 1.5  # launch latency in microseconds
    start: float = 2300.0  # until the queries and the first keys have arrived
    merge: float = 175.0  # to combine the results of warps that share queries
    softmax: float = 12.6  # of a warp, per score that a thread holds
    tile_latency: float = 550.0  # a tile's barrier, first loads and reductions along rows
    contention: float = 2.9  # slowdown of warps that compete for the units of a quarter of a multiprocessor
    l2_bandwidth: float = 42.0  # bytes per clock and multiprocessor
    resident: int = 4  # blocks of a multiprocessor beyond which more hide no more latency


@dataclass(frozen=True)
class PersistentAttentionFit(Fit):
    """Constants of the cost model of persistent attention. Times are in cycles unless stated otherwise."""

    launch: float = 0.05  # launch latency in microseconds
    start: float = 1700.0  # until a block's first tiles have arrived, and from its last product to its end
    efficiency: float = 0.95  # sustained share of the peak multiply-add rate
    softmax: float = 4.84  # of a warpgroup, per key of a tile
    mask: float = 2.34  # the same for each key that has a mask
    latency: float = 386.0  # of a tile: barriers, and reductions along rows
    item: float = 116.0  # of a tile of queries: the maxima of its first tile of keys, and its results
    fill: float = 8.0  # of a block, per key of a tile: scores of its first tile and results of its last one
    wait: float = 500.0  # of a tile, for the turn of a warpgroup
    mask_latency: float = 816.0  # of a tile, until its mask has come
    issue: float = 6.0  # of a wgmma, beside its multiply-adds
    turn: float = 300.0  # of a tile, where one other warpgroup keeps the units busy; less with more
    l2_bandwidth: float = 90.0  # bytes per clock and multiprocessor


@dataclass(frozen=True)
class FewQueriesFit(Fit):
    """Constants of the cost model of attention of few queries: estimates, in cycles unless stated
    otherwise."""

    launch: float = 0.6  # launch latency in microseconds
    start: float = 1500.0  # until the queries have come, and from the last key to the end
    memory: float = 1300.0  # from the request of keys to their arrival
    bandwidth: float = 28.0  # bytes per clock of a multiprocessor
    efficiency: float = 0.9  # sustained share of the bandwidth of a long copy
    merge: float = 60.0  # of a row, among threads and warps
    exchange: float = 1000.0  # in a cluster
    computed: float = 4700.0  # more for a tile of keys, where the block computes queries and what is new
    room: float = 0.9  # share of the multiprocessors that clusters of more than two blocks can fill


@dataclass(frozen=True)
class SimtAttentionFit(Fit):
    """Constants of the cost model of attention on scalar units. Times are in cycles unless stated."""

    launch: float = 0.9  # launch latency in microseconds
    start: float = 1500.0  # until the queries and the first keys have arrived
    efficiency: float = 0.5  # sustained share of the peak multiply-add rate
    softmax: float = 0.35  # of a multiprocessor, per score


@dataclass(frozen=True)
class LoopFit(Fit):
    """Constants of the cost model of loop kernels and copies."""

    launch: float = 2.0  # beyond memory traffic: launch latency, and one load that depends on nothing


@dataclass(frozen=True)
class RowFit(Fit):
    """Constants of the cost model of row kernels.

    A load has a latency of about 0.6, and a thread has about four in flight. Combining the parts of a split
    row takes a round trip to the counter and one to the workspace, and blocks update the counter one after
    another.
    """

    launch: float = 3.0  # launch latency, first load, and the combination of a block's partial results
    element: float = 0.15  # one element of a thread
    vector: float = 0.25  # one vector of elements of a thread
    kept: float = 0.03  # one vector more, of a thread that loads all of its vectors at the same time; a guess
    meet: float = 0.05  # warps that share a row meet, for one reduction; a guess
    join: float = 2.0  # the round trips that combine the parts of a split row
    arrival: float = 0.001  # one block's update of the counter
    # Elements of a reduction from which threads share it. Shorter ones are cheaper in one thread, even if
    # every column repeats them; `shared_alone` where only one result element uses it, as a pooling window.
    shared: int = 8
    shared_alone: int = 32
    # Elements of a thread from which twice the threads share a row; `across_elements` where adjacent threads
    # are on different rows.
    thread_elements: int = 8
    across_elements: int = 16
    part_elements: int = 4  # the least of a thread of a split row; with fewer, synchronization dominates

    def slowed(self, factor: float) -> RowFit:
        """The constants on a card whose cycles are FACTOR times as long."""
        names = ("element", "vector", "kept", "meet", "join", "arrival")
        return replace(self, **{name: getattr(self, name) * factor for name in names})


@dataclass(frozen=True)
class FusionFit(Fit):
    """What recomputation may cost, in FLOPs (an addition is one), against the memory traffic it saves."""

    transcendental_flops: float = 8.0  # one exponential, division or root of a loop kernel
    recomputed_flops: float = 4.0  # the most per element: cheaper than storing and loading the element
    # Of a prologue: two scales and shifts, and an activation. A transcendental costs more than a store and a
    # load.
    prologue_flops: float = 6.0
    # A thread divides the elements of one load side by side, which hides most of a division's latency.
    division_flops: float = 4.0
    prologue_evaluations: float = 16.0  # every element is loaded once per window tap and per column of tiles
    read_again: float = 0.4  # reading a byte again, from L2, relative to a byte of device memory
    conversion_launch: float = 1.0  # launch latency of a conversion of type or layout, in microseconds


@dataclass(frozen=True)
class ControlFit(Fit):
    """The costs of control flow on the device, without those of the kernels that it runs."""

    # A conditional node whose body is one kernel, and the kernel before it that sets its condition: 8.8. The
    # same kernel as a plain node takes 0.8.
    branch: float = 8.0


@dataclass(frozen=True)
class ScheduleFit(Fit):
    """Constants of the model of launches that run together, and what a decision must save to be certain.

    Fitted to Inception v1.
    """

    # An event wait, over following a predecessor on the same stream, with which a launch could overlap.
    crossing: float = 0.25
    full: float = 0.9  # share of the GPU beyond which no further launch is started beside the running ones
    streams_saving: float = 0.05  # share of the total time that streams must save unless they are requested
    group_saving: float = 0.25  # that a launch must save by joining a group
    chain_saving: float = 0.1  # share of the time of two contractions that chaining them must save
    group_waves: int = 2  # waves of blocks; larger launches fill the GPU by themselves and gain little
    stays: float = 0.5  # share of the L2 cache, less than which the next launch finds there whole
    pitch_saving: float = 0.05  # share of the time of those that access a tensor, which longer rows must save
    view_saving: float = 0.1  # that a tensor written in place must save when it saves no launch


@dataclass(frozen=True)
class Fitted:
    """The constants of all cost models for one card, each with the card that it was fitted on."""

    throughput: Throughput
    memory: MemoryFit = MemoryFit()
    registers: RegistersFit = RegistersFit()
    raster: RasterFit = RasterFit()
    contraction: ContractionFit = ContractionFit()
    wgmma: ContractionFit = WGMMA
    simt: ContractionFit = SIMT
    persistent: PersistentFit = PersistentFit()
    chained: ChainedFit = ChainedFit()
    bottleneck: BottleneckFit = BottleneckFit()
    inverted: InvertedResidualFit = InvertedResidualFit()
    strips: StripsFit = StripsFit()
    few_channels: FewChannelsFit = FewChannelsFit()
    gemv: GemvFit = GemvFit()
    packed: PackedFit = PackedFit()
    recurrence: RecurrenceFit = RecurrenceFit()
    interaction: InteractionFit = InteractionFit()
    embedding_bag: EmbeddingBagFit = EmbeddingBagFit()
    attention: AttentionFit = AttentionFit()
    persistent_attention: PersistentAttentionFit = PersistentAttentionFit()
    simt_attention: SimtAttentionFit = SimtAttentionFit()
    few_queries: FewQueriesFit = FewQueriesFit()
    loop: LoopFit = LoopFit()
    row: RowFit = RowFit()
    fusion: FusionFit = FusionFit()
    control: ControlFit = ControlFit()
    schedule: ScheduleFit = ScheduleFit()

    @property
    def fits(self) -> dict[str, Fit]:
        """The constants of every cost model, by its name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def at_clock(self, hertz: float) -> Fitted:
        """The constants for a card of HERTZ under load: loads take as many cycles, launches as long."""
        factor = MEASURED_CLOCK / hertz
        return replace(self, strips=self.strips.slowed(factor), row=self.row.slowed(factor))
