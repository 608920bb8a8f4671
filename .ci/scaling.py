#!/usr/bin/env python
"""Measure processor time and memory of models, baselines and training loops over rows, raters, items and features, and write
nbs/benchmarks/scaling/<processor>.json, which nbs/benchmarks/scaling.ipynb shows. Each measurement runs in a process of its own, with one thread.

python .ci/scaling.py                                             all parts at the sizes of the notebook
python .ci/scaling.py --sizes 1000000 --parts hierarchical --kinds comparisons --raters 10000 --items 20000 --width 512 --seconds 3000    one large fit
python .ci/scaling.py --loops 5                                   the training loop next to others
python .ci/scaling.py --encoder-step                              a step of an encoder next to the processor's peak
python .ci/scaling.py --parts stream --sizes 100000 1000000 10000000    predictions of a table that is read in blocks
python .ci/scaling.py --parts check --sizes 125000 250000 500000 1000000    `preference_lab data check` of tables of four forms
python .ci/scaling.py --serving RUN                               a classifier of emotions next to what is exported of it
Results are added to the file; those of the same size are replaced."""
import json
import os
import subprocess
import sys
import time
from argparse import SUPPRESS, ArgumentParser
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.update(HF_HUB_OFFLINE='1', TOKENIZERS_PARALLELISM='false')

import numpy as np
import torch

from preference_lab.core.environment import environment
from preference_lab.core.files import read_json, write_json
from preference_lab.core.train_config import TrainConfig
from preference_lab.data.comparisons import Comparisons, group_targets
from preference_lab.data.ratings import Ratings
from preference_lab.experiments.benchmarks import benchmark_results_path
from preference_lab.training.devices import peak_memory

FOLDER = ROOT/'nbs'/'benchmarks'/'scaling'
SIZES, BASE = (12_500, 25_000, 50_000, 100_000), 25_000   # rows; and those of the sweeps over raters, items and features
CPU = torch.device('cpu')


# ---- data

def names(prefix: str, n: int) -> list[str]: return [f'{prefix}{i}' for i in range(n)]

def comparisons(rng, rows: int, raters: int, items: int) -> Comparisons:
    "Comparisons of random items by random raters, won by Bradley-Terry strengths"
    left = rng.integers(0, items, rows)
    right, strength = (left + rng.integers(1, items, rows)) % items, rng.normal(size=items)
    won = rng.random(rows) < 1/(1 + np.exp(strength[right]-strength[left]))
    codes = (np.int32(c) for c in (rng.integers(0, raters, rows), left, right, np.zeros(rows)))
    return Comparisons(*codes, won, names('rater', raters), names('item', items), ['quality'])

def ratings(rng, rows: int, raters: int, items: int) -> Ratings:
    "Seven-point ratings; each rater rates the same number of consecutive items, of a random order, from a random start"
    each = max(1, min(rows//raters, items))
    rater, start = np.repeat(np.arange(raters), each), rng.integers(0, items, raters)
    item = rng.permutation(items)[(start[rater] + np.tile(np.arange(each), raters)) % items]
    value = np.clip(np.rint(4 + rng.normal(size=items)[item] + rng.normal(size=len(item))), 1, 7)
    return Ratings(np.int32(rater), np.int32(item), np.zeros(len(item), np.int32), np.float32(value), names('rater', raters), names('item', items), ['quality'], 1, 7)


# ---- what is measured: a function that prepares and returns what is timed

def hierarchical(rng, kind, rows, raters, items, width):
    from preference_lab.models.hierarchical_preferences import fit_hierarchical
    x = torch.as_tensor(rng.normal(size=(items, width)))
    data, valid = kind(rng, rows, raters, items), comparisons(rng, max(rows//10, 1), raters, items)
    return lambda: fit_hierarchical(x, data, [width], valid)

def network(rng, kind, rows, raters, items, width):
    from preference_lab.models.preference_network import ComparisonLoader, PreferenceNetwork, comparison_losses
    from preference_lab.training.trainer import Trainer
    loader = ComparisonLoader(torch.as_tensor(rng.normal(size=(items, width)), dtype=torch.float32), group_targets(comparisons(rng, rows, raters, items)), 128)
    net = PreferenceNetwork(width, raters, 1, hidden=[64, 32], rater_encoding='weights', head='antisymmetric', items=items)
    cfg = TrainConfig(epochs=1, batch_size=128, device='cpu', precision='fp32', progress='none')
    return Trainer(net, loader, comparison_losses, lambda m, acc: dict(loss=torch.tensor(0.)), cfg).fit

def baseline(name):
    def prepare(rng, kind, rows, raters, items, width):
        from preference_lab.evaluation import item_scores as scores, matrix_factorization as factors, pairwise_baselines as pairwise
        data, pairs = kind(rng, rows, raters, items), comparisons(rng, max(rows//10, 1), raters, items)
        x = rng.normal(size=(items, width))
        return dict(bradley_terry=lambda: scores.bradley_terry(data), elo=lambda: scores.elo(data),
                    als=lambda: factors.matrix_factorization(data), rater_majority=lambda: pairwise.majority_choice_baseline(data, pairs, True),
                    linear=lambda: pairwise.linear_item_scores(data, pairs, x))[name]
    return prepare

def split(rng, kind, rows, raters, items, width):
    from preference_lab.data.splits import split_groups
    groups = rng.integers(0, items, rows)
    return lambda: split_groups(groups, (.8, .1, .1), 0)

def stream(rng, kind, rows, raters, items, width):
    "Predictions of a Parquet table of texts by a model that costs nothing, so that reading and writing are measured"
    import shutil
    import tempfile
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    from preference_lab.experiments.prediction_files import predict_file
    folder, group = Path(tempfile.mkdtemp()), 10_000
    with pq.ParquetWriter(folder/'texts.parquet', pa.schema(dict(id=pa.string(), text=pa.string()))) as f:
        for start in range(0, rows, group):
            n = range(start, min(start+group, rows))
            f.write_table(pa.table(dict(id=[f't{i}' for i in n], text=[f'a comment of the usual length, the {i}th of the table' for i in n])))
    answer = lambda frame, path: pd.DataFrame(dict(characters=frame.text.str.len().to_numpy()))
    def run():
        predict_file(answer, folder/'texts.parquet', folder/'answers.parquet', progress='none')
        shutil.rmtree(folder)
    return run

def table_blocks(rng, kind, rows, raters, items, block=50_000):
    "The rows of a table, in blocks: comparisons, ratings, answers of raters, counts, or texts of 5 to 30 words with one or two labels"
    import pandas as pd
    words, labels = np.array([f'word{i}' for i in range(30_000)]), np.array([f'label{i}' for i in range(28)])
    for start in range(0, rows, block):
        n = min(block, rows-start)
        rater, item, value = (rng.integers(0, high, n) for high in (raters, items, 7))
        if kind == 'comparisons':
            right = (item + rng.integers(1, items, n)) % items
            table = dict(rater=rater, left=item, right=right, choice=np.where(rng.random(n) < .5, 'left', 'right'))
        elif kind == 'ratings':   # each pair of rater and item once
            pair = np.arange(start, start+n)
            table = dict(rater=pair % raters, item=pair//raters, rating=value+1)
        elif kind == 'answers': table = dict(item=(start + np.arange(n))//5, rater=(start + np.arange(n)) % raters, answer=labels[value])
        elif kind == 'counts': table = dict(item=start + np.arange(n)) | {f'count_{c}': rng.integers(0, 20, n) for c in 'abcdefgh'}
        else:
            lengths = rng.integers(5, 31, n)
            drawn = words[np.minimum(rng.zipf(1.3, lengths.sum())-1, len(words)-1)]
            some = np.split(drawn, lengths.cumsum()[:-1])
            more = np.where(rng.random(n) < .2, ',' + labels[(value+1) % 28].astype(object), '')
            table = dict(id=start + np.arange(n), text=[' '.join(w) for w in some], labels=labels[value].astype(object) + more)
        yield pd.DataFrame(table)

CHECKED = dict(comparisons=['preference'], ratings=['preference'], answers=['judgements'], counts=['distributions', 'category_columns=count_*'],
               texts=['emotions'])   # table -> the study that reads it, and its settings
COMMAND = '''
import json, resource, subprocess, sys, time
clock = time.perf_counter()
done = subprocess.run([sys.executable, '-m', 'preference_lab.cli', 'data', 'check', *sys.argv[1:]], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
gib = used.ru_maxrss/2**20
print(json.dumps(dict(cpu_seconds=used.ru_utime+used.ru_stime, seconds=time.perf_counter()-clock, memory_gib=gib, growth_gib=gib)))
sys.exit(done.returncode)'''   # a small process, since the peak of a child begins with the memory of its parent

def check(rng, kind, rows, raters, items, width):
    "`preference_lab data check` of a CSV file, as a command in a process of its own: with its start, and the whole memory"
    import tempfile
    folder = tempfile.TemporaryDirectory()
    path, (study, *settings) = Path(folder.name)/f'{kind}.csv', CHECKED[kind]
    for i, block in enumerate(table_blocks(rng, kind, rows, raters, items)): block.to_csv(path, mode='a' if i else 'w', header=not i, index=False)
    def run():
        done = subprocess.run([sys.executable, '-c', COMMAND, study, path, *settings], capture_output=True, text=True, cwd=ROOT)
        if done.returncode: raise RuntimeError(done.stderr[-500:])
        with folder: return json.loads(done.stdout) | dict(megabytes=path.stat().st_size/1e6)
    return run

PARTS = dict(
    hierarchical=hierarchical, network=network, **{n: baseline(n) for n in ('bradley_terry', 'elo', 'als', 'rater_majority', 'linear')}, split=split,
    stream=stream, check=check,
)   # part -> what prepares it

def measure(part, kind, rows, raters, items, width) -> dict:
    "One measurement; the memory is the growth of the peak while it runs"
    torch.set_num_threads(1)
    run = PARTS[part](np.random.default_rng(0), dict(comparisons=comparisons, ratings=ratings).get(kind) if part != 'check' else kind, rows, raters, items, width)
    before, start, clock = peak_memory(CPU), time.process_time(), time.perf_counter()
    result = run()
    measured = dict(cpu_seconds=time.process_time()-start, seconds=time.perf_counter()-clock, memory_gib=peak_memory(CPU)/2**30,
                    growth_gib=(peak_memory(CPU)-before)/2**30)
    return dict(part=part, kind=kind, rows=rows, raters=raters, items=items, width=width, **(result if part == 'check' else measured))


# ---- the loop next to other loops, alternately in one process

class Rows(torch.utils.data.Dataset):
    "Rows of tensors, as other libraries take them"
    def __init__(self, tensors): self.tensors = tensors
    def __len__(self): return len(next(iter(self.tensors.values())))
    def __getitem__(self, i): return {k: v[i] for k, v in self.tensors.items()}

class WithLoss(torch.nn.Module):
    "A model that returns the loss of a batch, as the Trainer of Hugging Face expects"
    def __init__(self, net, loss):
        super().__init__()
        self.net, self.loss = net, loss
    def forward(self, **batch): return dict(loss=self.loss(self.net, batch).mean())

def small(rows: int):
    "Three layers of 32 to 64 units; makers of the model, the losses of a batch, and the tensors"
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(rows, 32, generator=rng), (torch.rand(rows, generator=rng) < .5).float()
    make = lambda: torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.ReLU(), torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
    loss = lambda net, b: torch.nn.functional.binary_cross_entropy_with_logits(net(b['x'])[:, 0], b['y'], reduction='none')
    return make, loss, dict(x=x, y=y), 128

def encoder(rows: int):
    "Four layers of BERT with 256 units, texts of 32 tokens"
    from transformers import BertConfig, BertForSequenceClassification
    rng = torch.Generator().manual_seed(0)
    ids, y = torch.randint(5, 1000, (rows, 32), generator=rng), torch.randint(0, 2, (rows,), generator=rng)
    sizes = dict(vocab_size=1000, hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024)
    make = lambda: BertForSequenceClassification(BertConfig(**sizes))
    loss = lambda net, b: torch.nn.functional.cross_entropy(net(input_ids=b['ids']).logits, b['y'], reduction='none')
    return make, loss, dict(ids=ids, y=y), 32

def plain_loop(make, loss, tensors, size):
    "The usual loop of PyTorch: batches of indexed rows, clipping, fused AdamW, a linear schedule"
    n, net = len(tensors['y']), make()
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1., .01, n//size)
    for rows in torch.randperm(n).split(size):
        loss(net, {k: v[rows] for k, v in tensors.items()}).mean().backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()

def project_loop(make, loss, tensors, size):
    from preference_lab.training.batching import TableLoader
    from preference_lab.training.trainer import Trainer
    cfg = TrainConfig(epochs=1, batch_size=size, learning_rate=1e-3, device='cpu', precision='fp32', progress='none')
    Trainer(make(), TableLoader(tensors, size), loss, lambda m, acc: dict(loss=torch.tensor(0.)), cfg).fit()

def hugging_face_loop(make, loss, tensors, size):
    import io
    import tempfile
    from contextlib import redirect_stdout
    from transformers import Trainer, TrainingArguments
    with tempfile.TemporaryDirectory() as d, redirect_stdout(io.StringIO()):
        options = TrainingArguments(d, num_train_epochs=1, per_device_train_batch_size=size, learning_rate=1e-3, use_cpu=True, report_to=[], save_strategy='no',
                                    logging_strategy='no', disable_tqdm=True, optim='adamw_torch_fused', remove_unused_columns=False)
        Trainer(WithLoss(make(), loss), options, train_dataset=Rows(tensors)).train()

def lightning_loop(make, loss, tensors, size):
    import lightning
    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = make()
        def training_step(self, batch, _): return loss(self.net, batch).mean()
        def configure_optimizers(self): return torch.optim.AdamW(self.net.parameters(), 1e-3, fused=True)
    quiet = dict(logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)
    trainer = lightning.Trainer(max_epochs=1, accelerator='cpu', devices=1, gradient_clip_val=1., **quiet)
    trainer.fit(Module(), torch.utils.data.DataLoader(Rows(tensors), size, shuffle=True))

LOOPS = {'plain PyTorch': plain_loop, 'preference_lab': project_loop, 'Trainer of Hugging Face': hugging_face_loop, 'Lightning': lightning_loop}

def loops(rounds: int, small_rows: int, encoder_rows: int) -> list[dict]:
    "Processor time of an epoch by each loop, the shortest of several rounds taken in turn, and relative to the plain loop"
    import logging
    import warnings
    warnings.filterwarnings('ignore')
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    out = []
    for network, (make, loss, tensors, size) in {'three layers, 128 rows': small(small_rows), 'encoder, 32 texts': encoder(encoder_rows)}.items():
        times, part = {}, {k: v[:4*size] for k, v in tensors.items()}
        for name, loop in LOOPS.items():
            try: loop(make, loss, part, size)   # imports, and first calls
            except ImportError as e: print(f'{name}: skipped, {e}', file=sys.stderr)
            else: times[name] = []
        for _ in range(rounds):
            for name in times:
                torch.manual_seed(0)
                start = time.process_time()
                LOOPS[name](make, loss, tensors, size)
                times[name].append(time.process_time()-start)
        steps = -(-len(tensors['y'])//size)
        out += [dict(network=network, loop=k, milliseconds=1000*min(t)/steps, ratio=min(t)/min(times['plain PyTorch'])) for k, t in times.items()]
    return out


# ---- a step of an encoder next to the processor's peak

KINDS = dict(   # of operations, by a part of their name; the first that fits
    products=('addmm', '::mm', 'bmm', 'linear', 'matmul', 'mkldnn'), attention=('scaled_dot_product', 'flash_attention', 'softmax'), optimizer=('adamw',),
    clipping=('foreach_norm', 'foreach_mul', 'linalg_vector_norm'), conversions=('copy_', '_to_copy', 'contiguous', 'clone'), activation=('gelu',), normalization=('layer_norm',),
    dropout=('bernoulli', 'dropout', 'native_dropout'), embeddings=('embedding', 'index'), memory=('fill_', 'zero', 'empty'), sums=('sum', 'add', 'mul', 'div'))

def products_alone(rows: int, layers: int, width: int, inner: int, dtype) -> tuple[float, float]:
    "Seconds and operations of the products of one step, forward and backward, each timed alone"
    seconds, flops = 0., 0
    for count, k, n in ((4, width, width), (1, width, inner), (1, inner, width)):
        x, w, g = (torch.randn(*shape).to(dtype) for shape in ((rows, k), (n, k), (rows, n)))
        for f in (lambda: x @ w.T, lambda: g @ w, lambda: g.T @ x):   # forward; the gradients of input and weight
            f()
            times = []
            for _ in range(5):
                start = time.process_time()
                f()
                times.append(time.process_time()-start)
            seconds, flops = seconds + layers*count*min(times), flops + layers*count*2*rows*k*n
    return seconds, flops

def encoder_step(texts: int=32, tokens: int=24, steps: int=3) -> list[dict]:
    "Where the processor time of a training step of DistilBERT's size goes, in fp32 and bf16, next to its products alone and a large product"
    import logging
    from transformers import DistilBertConfig, DistilBertModel
    from preference_lab.models.text_classifier import MultilabelTextClassifier
    from preference_lab.core.ragged_rows import RaggedArray
    from preference_lab.training.batching import TextLoader
    from preference_lab.training.losses import bce
    from preference_lab.training.trainer import Trainer
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    rng, out = np.random.default_rng(0), []
    ragged = RaggedArray.of([rng.integers(5, 30_000, tokens).tolist() for _ in range(texts)])
    for precision, dtype in (('fp32', torch.float32), ('bf16', torch.bfloat16)):
        model = MultilabelTextClassifier.on_encoder(DistilBertModel(DistilBertConfig(attention_dropout=0.)), None, names('label', 28), pooling='first')
        loader = TextLoader(ragged, np.zeros((texts, 28), np.float32), texts)
        cfg = TrainConfig(device='cpu', precision=precision, batch_size=texts, epochs=1, progress='none')
        t = Trainer(model, loader, lambda m, b: bce(m(b['input_ids'], b['attention_mask']), b['targets']), None, cfg)
        t.model.train()
        rows = np.arange(texts)
        t.train_step(rows)
        start = time.process_time()
        for _ in range(steps): t.train_step(rows)
        whole = (time.process_time()-start)/steps
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile: t.train_step(rows)
        spent = dict.fromkeys([*KINDS, 'other'], 0.)
        for e in profile.key_averages():
            kind = next((k for k, parts in KINDS.items() if any(p in e.key.lower() for p in parts)), 'other')
            spent[kind] += e.self_cpu_time_total/1e6
        total = sum(spent.values())
        alone, flops = products_alone(texts*tokens, 6, 768, 3072, dtype)
        x = torch.randn(2048, 2048).to(dtype)
        times = []
        for _ in range(3):
            start = time.process_time()
            x @ x
            times.append(time.process_time()-start)
        peak = 2*2048**3/min(times)
        rest = {k: 1000*v/total*whole for k, v in spent.items()}
        out.append(dict(precision=precision, step_ms=1000*whole, products_alone_ms=1000*alone, at_peak_ms=1000*flops/peak, peak_gflops=peak/1e9, **rest))
    return out


# ---- serving

def serving(run: str, rounds: int=3, texts: int=192) -> list[dict]:
    "Processor time of predictions with a trained classifier of emotions and with its exports, one text and many, the shortest of rounds taken in turn"
    import tempfile
    from preference_lab.data.tables import read_parquet
    from preference_lab.models.onnx_export import MAX_DIFFERENCES
    from preference_lab.models.onnx_text_classifier import load_exported
    from preference_lab.models.onnx_text_export import export_onnx_classifier
    from preference_lab.models.text_classifier import load_classifier
    torch.set_num_threads(1)
    told = read_parquet(Path(run)/'predictions_test.parquet').text.tolist()[:texts]
    with tempfile.TemporaryDirectory() as d:
        models = {('run', 'fp32'): load_classifier(run), ('run', 'bf16'): load_classifier(run).serve('cpu', 'bf16')}
        for p in MAX_DIFFERENCES:
            export_onnx_classifier(run, Path(d)/p, p, max_difference=1.)
            models['ONNX Runtime', p] = load_exported(Path(d)/p)
        one, many = {k: [] for k in models}, {k: [] for k in models}
        for _ in range(rounds):
            for key, model in models.items():
                model.predict_proba(told[:2])
                for some, times in [(told, many), *(([t], one) for t in told[:20])]:
                    start = time.process_time()
                    model.predict_proba(some)
                    times[key].append(time.process_time()-start)
        reference = models['run', 'fp32'].predict_proba(told)
        change = {k: np.abs(m.predict_proba(told)-reference) for k, m in models.items()}
    return [dict(model=k[0], precision=k[1], texts_per_second=len(told)/min(many[k]), ratio=min(many['run', 'fp32'])/min(many[k]),
                 one_text_ms=1000*float(np.median(one[k])), largest_difference=float(change[k].max()), mean_difference=float(change[k].mean()))
            for k in models]


# ---- the whole

def jobs(a) -> list[tuple]:
    "part, kind, rows, raters, items, width: each part over rows; the hierarchical model over raters, items and features, too"
    shape = lambda n: (a.raters or max(20, n//100), a.items or max(50, n//50), a.width)
    out = [(p, k, n, *shape(n)) for p in a.parts for k in a.kinds for n in a.sizes if not (k == 'ratings' and p in ('network', 'split')) and p not in ('stream', 'check')]
    if 'check' in a.parts: out += [('check', k, n, max(20, n//100), max(50, n//50), 0) for k in CHECKED for n in a.sizes]
    if 'stream' in a.parts: out += [('stream', 'texts', n, *shape(n)) for n in a.sizes]
    if 'hierarchical' in a.parts and a.sweeps:
        r, i, w = shape(BASE)
        out += [('hierarchical', 'comparisons', BASE, *s) for k in (4, 16) for s in ((r*k, i, w), (r, i*k, w), (r, i, w*k//2))]
    return out

def main() -> int:
    p = ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--sizes', nargs='+', type=int, default=SIZES, help='rows')
    p.add_argument('--parts', nargs='+', default=list(PARTS), choices=list(PARTS), metavar='PART', help=', '.join(PARTS))
    p.add_argument('--kinds', nargs='+', default=['comparisons', 'ratings'], choices=['comparisons', 'ratings'])
    p.add_argument('--raters', type=int, help='default: a hundredth of the rows')
    p.add_argument('--items', type=int, help='default: a fiftieth of the rows')
    p.add_argument('--width', type=int, default=32, help='features an item')
    p.add_argument('--sweeps', action='store_true', help='the hierarchical model over raters, items and features, too')
    p.add_argument('--seconds', type=float, default=600, help='limit of one measurement')
    p.add_argument('--loops', type=int, default=0, metavar='ROUNDS', help='compare training loops over so many rounds, and nothing else')
    p.add_argument('--loop-rows', type=int, nargs=2, default=(51_200, 1280), help='rows of the small network and of the encoder')
    p.add_argument('--encoder-step', action='store_true', help="where the time of a training step of an encoder goes, next to the processor's peak, and nothing else")
    p.add_argument('--serving', metavar='RUN', help='compare predictions of a run of emotions with its exports, and nothing else')
    p.add_argument('--out', help='file of the results; default: that of this processor')
    p.add_argument('--one', help=SUPPRESS)   # one measurement, in its own process
    a = p.parse_args()
    if a.one:
        print(json.dumps(measure(*json.loads(a.one))))
        return 0
    name = environment()['cpu'] or 'CPU'
    out, failed = Path(a.out) if a.out else benchmark_results_path(FOLDER, name), []
    kept = read_json(out) if out.is_file() else {}
    found = kept.get('rows', [])
    about = dict(device=name, date=datetime.now().isoformat(timespec='seconds'), environment=environment())
    if a.loops:
        write_json(out, dict(rows=[]) | kept | about | dict(loops=loops(a.loops, *a.loop_rows)))
        for r in read_json(out)['loops']: print(f"{r['network']:24} {r['loop']:24} {r['milliseconds']:8.3f} ms a step  {r['ratio']:5.2f}")
        return 0
    if a.encoder_step:
        write_json(out, dict(rows=[]) | kept | about | dict(encoder_step=encoder_step()))
        for r in read_json(out)['encoder_step']: print('\n'.join(f'{k:20} {v if isinstance(v, str) else round(v, 1)}' for k, v in r.items()), '\n')
        return 0
    if a.serving:
        write_json(out, dict(rows=[]) | kept | about | dict(serving=serving(a.serving)))
        for r in read_json(out)['serving']: print(r)
        return 0
    same = lambda r: (r['part'], r['kind'], r['rows'], r['raters'], r['items'], r['width'])
    one_thread = os.environ | {k: '1' for k in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS')}
    for job in jobs(a):
        try:
            done = subprocess.run([sys.executable, __file__, '--one', json.dumps(job)], capture_output=True, text=True, timeout=a.seconds, env=one_thread)
            if done.returncode: raise RuntimeError((done.stderr.strip().splitlines() or ['ended'])[-1])
        except (RuntimeError, subprocess.TimeoutExpired) as e:
            failed.append(f'{job}: {e}')
            continue
        row = json.loads(done.stdout.splitlines()[-1])
        found = [r for r in found if same(r) != same(row)] + [row]
        print(f"{row['part']:15} {row['kind']:12} {row['rows']:>9,} rows {row['raters']:>7,} raters {row['items']:>7,} items {row['width']:>4} features  "
              f"{row['cpu_seconds']:8.2f} s of processor time  {row['growth_gib']:6.2f} GiB", flush=True)
        write_json(out, kept | about | dict(rows=found))
    for f in failed: print('failed:', f, file=sys.stderr)
    print(out)
    return int(bool(failed))


if __name__ == '__main__': sys.exit(main())
