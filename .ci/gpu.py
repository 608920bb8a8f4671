#!/usr/bin/env python
"""Measure training, answering, embedding and stacks on this machine's GPU in eight minutes, each next to a reference implementation in the same process, and write
nbs/benchmarks/gpu/<device>.json. Needs no network. A part that fails does not hide the others: the end says which failed and why, and the exit
status is 1. --rehearse runs the same at toy size on the CPU and writes to a temporary file."""
import ast
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from argparse import SUPPRESS, ArgumentParser
from datetime import datetime
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.update(HF_HUB_OFFLINE='1', HF_DATASETS_OFFLINE='1', TOKENIZERS_PARALLELISM='false', TRANSFORMERS_VERBOSITY='error')
os.environ.setdefault('CUDA_VISIBLE_DEVICES', '0')   # one device is measured

import numpy as np
import torch
from torch.nn import functional as F

from preference_lab.core.ragged_rows import RaggedArray
from preference_lab.training.batching import (
    TableLoader,
    TextLoader,
    move_batch_to_device,
    move_to_device,
    tiny_tokenizer,
    tokenize_texts,
)
from preference_lab.training.graph_capture import call_without_graph
from preference_lab.core.config import make_config
from preference_lab.core.train_config import TrainConfig
from preference_lab.core.files import read_json, write_json
from preference_lab.experiments.benchmarks import (
    TimeLimitExceeded,
    benchmark_results_path,
    simulate_text_lengths,
    all_numbers,
    run_part,
)
from preference_lab.training.measurement import count_synchronizations, count_flops, measure, peak_tflops, throughput
from preference_lab.training.inference import inference_context
from preference_lab.core.dataset_files import find_dataset
from preference_lab.core.environment import environment
from preference_lab.training.optimization import READ_LOSSES_EVERY, parameter_groups
from preference_lab.training.trainer import Trainer
# what only one part needs is imported there, so that a package that is missing fails that part alone

FOLDER = ROOT/'nbs'/'benchmarks'/'gpu'
LABELS, WARM = 28, READ_LOSSES_EVERY
TOY = False
DEVICE = torch.device('cpu')
PEAK = None         # of the device, 10^12 operations a second
LENGTHS = {}        # tokens of each text, and where they are from


# ---- what several parts share

def definitions(notebook: str) -> dict:
    "Imports, functions and classes of a benchmark notebook, without running anything else in it"
    names = dict(__name__='notebook')
    for cell in json.loads((ROOT/'nbs'/'benchmarks'/notebook).read_text(encoding='utf-8'))['cells']:
        if cell['cell_type'] != 'code': continue
        tree = ast.parse(''.join(cell['source']))
        tree.body = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))]
        exec(compile(tree, notebook, 'exec'), names)
    return names


def texts_lengths() -> np.ndarray:
    "Tokens of the training texts of GoEmotions, or generated ones; read once"
    if not LENGTHS:
        if find_dataset('goemotions') and not TOY:
            from preference_lab.studies.emotions.data import load_emotions
            texts = load_emotions('goemotions')[0].part('train').texts
            LENGTHS.update(of=tokenize_texts(texts, tiny_tokenizer(texts, 30_000), 128).lengths, source='training texts of GoEmotions')
        else: LENGTHS.update(of=simulate_text_lengths(400 if TOY else 43_410), source='generated with the distribution of GoEmotions')
    return LENGTHS['of']


def random_texts(vocabulary: int) -> tuple[RaggedArray, np.ndarray]:
    "Token numbers of texts that have these lengths, and targets"
    rng, lengths = np.random.default_rng(0), texts_lengths()
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return RaggedArray(rng.integers(5, vocabulary, offsets[-1]).astype(np.int32), offsets), (rng.random((len(lengths), LABELS)) < .04).astype(np.float32)


def free():
    "Give the device's memory back"
    gc.collect()
    if DEVICE.type == 'cuda': torch.cuda.empty_cache()


def timed(run, items: list, seconds: float, warm: int=WARM) -> tuple[list, dict]:
    "Time and memory of `run` on as many items as fill the seconds, after some that are not timed; and the items that were timed"
    warm = 2 if TOY else warm
    run(items[:warm])
    with measure(DEVICE) as first: run(items[warm:2*warm])
    n = int(np.clip(seconds/first['seconds']*warm, warm, len(items)-2*warm))
    with measure(DEVICE) as m: run(items[2*warm:2*warm+n])
    return items[2*warm:2*warm+n], m


def add_speed_ratios(rows: list[dict]) -> list[dict]:
    "The rows with `times_as_fast`: the speed of each way relative to the reference implementation of the same"
    key = lambda r: (r['what'], r.get('batch_size'))
    references = {key(r): r['samples_per_second'] for r in rows if r['reference']}
    for r in rows: r['times_as_fast'] = r['samples_per_second']/references[key(r)] if key(r) in references else None
    return rows


def step_rates(run, done: list, batch_size: int, m: dict) -> dict:
    "What training steps did a second; their operations are counted on the first"
    operations = count_flops(lambda: run(done[:1]))*len(done)
    return dict(milliseconds=1000*m['seconds']/len(done), **throughput(batch_size*len(done), m['seconds'], 0, operations, PEAK), memory_gib=m['memory_gib'])


def train_steps(trainer: Trainer):
    "A function that takes the steps of a trainer as its epoch does"
    def run(batches):
        for batch, following in zip(batches, [*batches[1:], None]): trainer.train_step(batch, following)
        trainer.read_steps()
    return run


def plain_steps(model, loss, load):
    "A function that takes steps of the usual loop: autocast, backward, clipping, fused AdamW"
    optimizer = torch.optim.AdamW(parameter_groups(model, 1e-5, .01), fused=True)
    def run(items):
        for item in items:
            with torch.autocast(DEVICE.type, torch.bfloat16): value = loss(model, load(item))
            value.float().backward()
            torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.)
            optimizer.step(); optimizer.zero_grad()
    return run


# ---- training of text encoders, next to the Trainer of Hugging Face

ROBERTA_LARGE = dict(vocab_size=50265, hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096, max_position_embeddings=514, type_vocab_size=1)
TOY_ROBERTA = dict(vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, max_position_embeddings=140, type_vocab_size=1)
TOY_DISTILBERT = dict(vocab_size=99, dim=32, n_layers=2, n_heads=2, hidden_dim=64)


def text_config(name: str):
    "The configuration of an encoder"
    from transformers import DistilBertConfig, RobertaConfig
    if name == 'roberta_large': return RobertaConfig(**(TOY_ROBERTA if TOY else ROBERTA_LARGE))
    return DistilBertConfig(**(TOY_DISTILBERT if TOY else {}))


def our_classifier(name: str, tokenizer=None):
    "The study's classifier on an encoder of random weights"
    from transformers import DistilBertModel, RobertaModel
    from preference_lab.models.text_classifier import MultilabelTextClassifier
    with torch.device(DEVICE):
        encoder = RobertaModel(text_config(name), add_pooling_layer=False) if name == 'roberta_large' else DistilBertModel(text_config(name))
        return MultilabelTextClassifier.on_encoder(encoder, tokenizer, [f'label_{i}' for i in range(LABELS)], pooling='first')


def text_row(way: str, reference: bool, batch_size: int, samples: int, tokens: int, steps: int, m: dict, flops: float, n: int, **more) -> dict:
    "A row of the table"
    return dict(way=way, reference=reference, batch_size=batch_size, milliseconds=1000*m['seconds']/steps, **throughput(samples, m['seconds'], tokens, flops*tokens, PEAK), memory_gib=m['memory_gib'],
                ten_epochs_seconds=10*n*m['seconds']/samples, **more)


def train_ours(name: str, batch_size: int, seconds: float, compile: str='no') -> dict:
    "The study's training"
    from preference_lab.studies.emotions.settings import EmotionsConfig
    from preference_lab.studies.emotions.training import forward
    from preference_lab.models.text_classifier_cost import training_flops
    from preference_lab.training.losses import bce
    ragged, targets = random_texts(text_config(name).vocab_size)
    loader = TextLoader(ragged, targets, batch_size, pad=1, multiple=1 if compile == 'no' else 16)
    fake = compile == 'capture' and DEVICE.type == 'cpu'   # a rehearsal of the same code: a replay calls the function
    cfg = EmotionsConfig(device=DEVICE.type, precision='bf16', compile_mode='no' if fake else compile, batch_size=batch_size, encoder='none', learning_rate=2e-5, epochs=1, progress='none')
    trainer = Trainer(our_classifier(name), loader, lambda m, b: bce(forward(m, b), b['targets']), None, cfg, read_every=READ_LOSSES_EVERY)
    if fake: trainer.capture(capture=call_without_graph)
    trainer.model.train()
    run, batches = train_steps(trainer), [b for e in range(4 if TOY else 2) for b in loader.batches(e) if len(b) == batch_size]
    widths = {}
    for b in batches: widths.setdefault(-(-int(ragged.lengths[b].max())//loader.multiple), []).append(b)
    if trainer.captured: run([b for some in widths.values() for b in some[:3]])   # each shape is seen, recorded and replayed before the clock starts
    done, m = timed(run, batches, seconds)
    waits = count_synchronizations(lambda: run(batches[:READ_LOSSES_EVERY]), DEVICE)/READ_LOSSES_EVERY
    if trainer.captured and trainer.captured.note: raise RuntimeError(trainer.captured.note)
    return text_row('ours' if compile == 'no' else f'ours, compile_mode={compile}', False, batch_size, sum(map(len, done)), sum(map(loader.units, done)), len(done), m, training_flops(trainer.unwrapped), len(ragged),
                    waits_per_step=waits, padding_share=1-sum(map(loader.units, done))/sum(len(b)*int(ragged.lengths[b].max()) for b in done))


class Clock:
    "Starts after some steps of the Trainer and stops its training after some seconds"
    def __init__(self, seconds): self.seconds, self.steps, self.figures, self.block = seconds, 0, None, None
    def on_step_begin(self, args, state, control, **_):
        if state.global_step != (2 if TOY else WARM): return
        self.block = measure(DEVICE)
        self.figures, self.start, self.first = self.block.__enter__(), time.perf_counter(), state.global_step
    def on_step_end(self, args, state, control, **_):
        if self.block is None or time.perf_counter()-self.start < self.seconds and state.global_step < args.max_steps: return
        self.block.__exit__(None, None, None)
        self.block, self.steps, control.should_training_stop = None, state.global_step-self.first, True


class Rows(torch.utils.data.Dataset):
    "Texts as the Trainer takes them"
    def __init__(self, ragged, targets): self.ragged, self.targets = ragged, targets
    def __len__(self): return len(self.ragged)
    def __getitem__(self, i): return dict(input_ids=torch.from_numpy(self.ragged[i].astype(np.int64)), labels=torch.from_numpy(self.targets[i]))


def train_reference(name: str, batch_size: int, seconds: float) -> dict:
    "The Trainer of Hugging Face as a user sets it up: batches padded to their longest, bf16, its own fused AdamW, nothing logged or saved"
    from transformers import DistilBertForSequenceClassification, PrinterCallback, RobertaForSequenceClassification, TrainerCallback, TrainingArguments
    from transformers import Trainer as ReferenceTrainer
    ragged, targets = random_texts(text_config(name).vocab_size)
    config, tokens = text_config(name), []
    config.num_labels, config.problem_type = LABELS, 'multi_label_classification'
    with torch.device(DEVICE): model = (RobertaForSequenceClassification if name == 'roberta_large' else DistilBertForSequenceClassification)(config)
    def collate(rows):
        ids = torch.nn.utils.rnn.pad_sequence([r['input_ids'] for r in rows], batch_first=True, padding_value=1)
        lengths = torch.tensor([len(r['input_ids']) for r in rows]); tokens.append(int(lengths.sum()))
        return dict(input_ids=ids, attention_mask=(torch.arange(ids.shape[1]) < lengths[:, None]).long(), labels=torch.stack([r['labels'] for r in rows]))
    clock, steps = type('ClockCallback', (Clock, TrainerCallback), {})(seconds), 5 if TOY else 2*len(ragged)//batch_size
    with tempfile.TemporaryDirectory() as d:
        args = TrainingArguments(d, per_device_train_batch_size=batch_size, max_steps=steps, learning_rate=2e-5, bf16=True, use_cpu=DEVICE.type == 'cpu', report_to=[], save_strategy='no',
                                 logging_strategy='no', disable_tqdm=True, remove_unused_columns=False, dataloader_drop_last=True)
        reference = ReferenceTrainer(model, args, train_dataset=Rows(ragged, targets), data_collator=collate, callbacks=[clock])
        reference.remove_callback(PrinterCallback)
        reference.train()
    done = tokens[clock.first:clock.first+clock.steps]
    embeddings = {id(p) for p in next(m for n, m in model.named_modules() if n.endswith('embeddings')).parameters()}
    flops = 6*sum(p.numel() for p in model.parameters() if id(p) not in embeddings)
    return text_row('Trainer of Hugging Face', True, batch_size, len(done)*batch_size, sum(done), len(done), clock.figures, flops, len(ragged))


def text_training(name: str, title: str, ours: list, references: list, seconds: float) -> dict:
    "An encoder's training at some batch sizes, and the reference implementation's; an error in one does not end the others"
    rows, notes, failures = [], [], []
    ways = [(train_reference, n, 'no') for n in references] + [(train_ours, *n) if isinstance(n, tuple) else (train_ours, n, 'no') for n in ours]
    for make, batch_size, compile in ways:
        how = f"{'reference' if make is train_reference else 'ours'}, batches of {batch_size}, compile_mode={compile}"
        try: rows.append(dict(what=title) | (make(name, batch_size, seconds, compile) if make is train_ours else make(name, batch_size, seconds)))
        except (Exception, TimeLimitExceeded) as e:
            (failures if compile == 'no' else notes).append(f'{how}: {type(e).__name__}: {str(e)[:300]}')   # the rest runs without compiling
            if isinstance(e, TimeLimitExceeded): break
        free()
    return dict(rows=add_speed_ratios(rows), lengths=LENGTHS.get('source'), notes=notes, failure='; '.join(failures) or None)


AIMS = dict(ten_epochs_seconds=('ten epochs of GoEmotions, seconds', 60, False), share_of_peak=('share of the peak', .4, True), times_as_fast=('times as fast as the Trainer at 16 rows a step', 4, True))

def roberta_large() -> dict:
    "RoBERTa-large, and how its figures compare with what was aimed at on one H100 or H200"
    sizes = ([4, (4, 'capture')], [4]) if TOY else ([1024, 256, 64, 16, (16, 'capture'), (64, 'capture'), (256, 'capture')], [16, 256])
    out = text_training('roberta_large', 'RoBERTa-large', *sizes, .3 if TOY else 5)
    ours, aims = [r for r in out['rows'] if not r['reference']], []
    for key, (what, goal, more) in AIMS.items():
        values = [r[key] for r in ours if r.get(key) is not None and (key != 'times_as_fast' or r['batch_size'] in (4, 16))]
        if not values: continue
        best = max(values) if more else min(values)
        aims.append(dict(what=what, measured=best, goal=goal, met=best >= goal if more else best <= goal))
    return out | dict(aims=aims)


def distilbert() -> dict:
    "DistilBERT"
    return text_training('distilbert', 'DistilBERT', *(([4], [4]) if TOY else ([16, 64, 512, (16, 'capture'), (64, 'capture')], [16, 64])), .3 if TOY else 4)


# ---- the other studies' steps

def vilbert() -> dict:
    "Training steps of a ViLBERT in full size: the study's loop, and the published way (padded to 128 words and 100 regions, attention written out)"
    from preference_lab.models.vilbert import ViLBERT
    from preference_lab.models.vilbert_config import ViLBERTConfig
    nb = definitions('memes.ipynb')
    small = dict(vocab_size=60, hidden_size=48, num_attention_heads=4, intermediate_size=96, v_feature_size=16, v_hidden_size=64, v_num_attention_heads=4, v_intermediate_size=64, bi_hidden_size=64, bi_num_attention_heads=4)
    config, size, regions = ViLBERTConfig(**small) if TOY else ViLBERTConfig(), 4 if TOY else 32, 10 if TOY else 100
    lengths = nb['text_lengths'](size*(12 if TOY else 40))
    loader = TableLoader(dict(n=torch.arange(len(lengths))), size)
    order = np.argsort(lengths, kind='stable')
    batches = [order[i:i+size] for i in range(0, len(order), size)]
    batches = [batches[i] for i in np.random.default_rng(0).permutation(len(batches))]
    made = {int(b[0]): nb['make_batch'](lengths[b], [regions]*len(b), config.v_feature_size, config.vocab_size, k) for k, b in enumerate(batches)}
    loader.load = lambda rows: made[int(rows[0])]
    rows = []
    for way, reference in (('padded, attention written out', True), ('ours', False)):
        with torch.device(DEVICE): model = ViLBERT(config)
        model.train()
        if reference: run = plain_steps(model, lambda m, b: F.cross_entropy(nb['plain_logits'](m, b, 128, regions).float(), b['targets']), lambda b: move_batch_to_device(loader.load(b), DEVICE))
        else:
            cfg = TrainConfig(device=DEVICE.type, precision='bf16', batch_size=size, learning_rate=1e-5, progress='none')
            trainer = Trainer(model, loader, lambda m, b: F.cross_entropy(nb['our_logits'](m, b).float(), b['targets'], reduction='none'), None, cfg, read_every=READ_LOSSES_EVERY)
            trainer.model.train(); run = train_steps(trainer)
        done, m = timed(run, batches, 1 if TOY else 8)
        rows.append(dict(what='ViLBERT', way=way, reference=reference, batch_size=size, **step_rates(run, done, size, m)))
        if not reference: rows[-1]['waits_per_step'] = count_synchronizations(lambda: run(batches[:READ_LOSSES_EVERY]), DEVICE)/READ_LOSSES_EVERY
        run = model = trainer = None
        free()
    return dict(rows=add_speed_ratios(rows))


def plain_clip_loss(model, s: dict):
    "Two images and a prompt of all positions a sample, a cross-entropy between the two images"
    clip, ids, end = model.clip, s['ids'], s['end']
    left, right = (F.normalize(clip.encode_image(model.clip_encoder.normalize(s[k])), dim=-1) for k in ('left', 'right'))
    x = F.embedding(ids, torch.cat([clip.token_embedding.weight, model.rater_tokens])) + clip.positional_embedding
    x = clip.ln_final(clip.transformer(x, attn_mask=clip.attn_mask))
    w = F.normalize(x[torch.arange(len(x), device=x.device), end] @ clip.text_projection, dim=-1)
    return F.cross_entropy((torch.stack([(left*w).sum(1), (right*w).sum(1)], 1)/model.temperature).float(), s['winner'])


def clip_lora() -> dict:
    "Training steps of a CLIP with LoRA adapters: each image and prompt once, and as one sample a question and target"
    from preference_lab.models.image_encoders import load_clip
    nb, rows = definitions('labeler_tokens.ipynb'), []
    name, questions = ('tiny', 8) if TOY else ('ViT-B-32', 64)
    encoder = None if TOY else load_clip(name, 'random')
    for way, reference in (('an image pair and a prompt a sample', True), ('ours', False)):
        trainer = nb['make_trainer'](name, questions, DEVICE.type, 'bf16', clip_encoder=encoder)
        model, every = trainer.unwrapped, np.arange(questions)
        def load(_):
            s, p = nb['as_samples'](trainer.loader.load(every)), model.prompts
            prompt, room = s.pop('prompt'), len(model.clip.positional_embedding)-p.ids.shape[1]
            s |= dict(ids=F.pad(torch.from_numpy(p.ids[prompt]), (0, room)), end=torch.from_numpy(p.end[prompt]))
            return move_batch_to_device(s, DEVICE)
        run = plain_steps(model, plain_clip_loss, load) if reference else train_steps(trainer)
        done, m = timed(run, [every]*(12 if TOY else 400), .5 if TOY else 6)
        rows.append(dict(what=f'CLIP {name} with LoRA', way=way, reference=reference, batch_size=questions, **step_rates(run, done, questions, m)))
        if not reference: rows[-1]['waits_per_step'] = count_synchronizations(lambda: run([every]*READ_LOSSES_EVERY), DEVICE)/READ_LOSSES_EVERY
        run = load = model = trainer = None
        free()
    return dict(rows=add_speed_ratios(rows))


def image_embedding() -> dict:
    "Embedding of images by a ViT-B/32 in bf16: decoded images, preprocessing included; and the network alone"
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection
    from preference_lab.models.image_encoders import load_clip
    from preference_lab.models.tiny_clip import tiny_clip
    side, n, batch = (32, 8, 4) if TOY else (360, 512, 128)
    images = list(np.random.default_rng(0).integers(0, 256, (n, side, side, 3), np.uint8))
    encoder = tiny_clip() if TOY else load_clip('ViT-B-32', 'random', DEVICE.type, 'bf16')
    size = encoder.model.visual.image_size[0]
    config = CLIPVisionConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=size, patch_size=16, projection_dim=16) if TOY else CLIPVisionConfig(projection_dim=512)
    with torch.device(DEVICE): reference = CLIPVisionModelWithProjection(config).eval()
    processor = CLIPImageProcessor(size=dict(shortest_edge=size), crop_size=dict(height=size, width=size))
    pixels = torch.randint(0, 256, (batch, size, size, 3), dtype=torch.uint8)
    def reference_images(some):
        with torch.inference_mode(), torch.autocast(DEVICE.type, torch.bfloat16):
            for b in some: reference(pixel_values=processor(images=list(b), return_tensors='pt')['pixel_values'].to(DEVICE)).image_embeds.float().cpu()
    def reference_network(some):
        with torch.inference_mode(), torch.autocast(DEVICE.type, torch.bfloat16):
            for b in some: reference(pixel_values=b)
    def our_images(some):
        for b in some: encoder.encode(b, batch)
    def our_network(some):
        with inference_context('bf16', DEVICE):
            for b in some: encoder.model.encode_image(b)
    x = move_to_device(encoder.normalize(pixels), DEVICE)
    batches, rows = [images[i:i+batch] for i in range(0, n, batch)], []
    for what, ours, theirs, items in (('images to embeddings', our_images, reference_images, batches*(3 if TOY else 10)), ('the network alone', our_network, reference_network, [x]*(6 if TOY else 2000))):
        for way, is_reference, run in (('transformers CLIP', True, theirs), ('ours', False, ours)):
            done, m = timed(run, items, .3 if TOY else 3, 3)
            rows.append(dict(what=f'ViT-B/32, {what}', way=way, reference=is_reference, batch_size=batch, milliseconds=1000*m['seconds']/len(done), **throughput(batch*len(done), m['seconds']), memory_gib=m['memory_gib']))
    return dict(rows=add_speed_ratios(rows))


def stacked() -> dict:
    "A sweep of 16 small networks together, and one by one"
    nb, k = definitions('distributions.ipynb'), 3 if TOY else 16
    settings = dict(device=DEVICE.type, **(dict(batch=64) if TOY else {}))
    rows = []
    for way, reference, run in (('one by one', True, nb['one_by_one']), ('together', False, nb['together'])):
        run(2, **settings)
        with measure(DEVICE) as m: run(k, **settings)
        rows.append(dict(what=f'{k} networks, an epoch of 780 rows', way=way, reference=reference, batch_size=settings.get('batch', 16), **throughput(780*k, m['seconds']), memory_gib=m['memory_gib']))
    return dict(rows=add_speed_ratios(rows))


def predict() -> dict:
    "Answers of a DistilBERT to texts: `predict_proba`, and the pipeline of transformers, in fp32 and in bf16"
    from transformers import DistilBertForSequenceClassification, pipeline
    rng, words = np.random.default_rng(0), [''.join(w) for w in np.random.default_rng(1).choice(list('abcdefghijklmnop'), (2000, 5))]
    lengths = texts_lengths()[:40 if TOY else 20_000]
    texts = [' '.join(rng.choice(words, max(1, n-2))) for n in lengths]
    tokenizer = tiny_tokenizer(texts, 99 if TOY else 30_000)
    tokenizer.model_max_length, rows = 128, []
    for precision in ('fp32', 'bf16'):
        config = text_config('distilbert'); config.num_labels = LABELS
        with torch.device(DEVICE): network = DistilBertForSequenceClassification(config)
        pipe = pipeline('text-classification', model=network.to(dict(fp32=torch.float32, bf16=torch.bfloat16)[precision]), tokenizer=tokenizer, device=DEVICE, batch_size=128, top_k=None, function_to_apply='sigmoid')
        model = our_classifier('distilbert', tokenizer).serve(DEVICE.type, precision)
        for way, reference, run in (('pipeline of transformers', True, lambda t: pipe(t)), ('ours', False, model.predict_proba)):
            some = texts if not reference else texts[:len(texts) if TOY else 4000]
            run(some[:20 if TOY else 1000])
            with measure(DEVICE) as m: run(some)
            rows.append(dict(what=f'DistilBERT answers in {precision}', way=way, reference=reference, batch_size=128, **throughput(len(some), m['seconds'], int(lengths[:len(some)].sum())), memory_gib=m['memory_gib']))
        pipe = model = network = None
        free()
    return dict(rows=add_speed_ratios(rows), lengths=LENGTHS['source'])


# ---- what must hold on the device

DEMOS = dict(emotions=('auc_micro', dict(demo_rows=4000, epochs=5, bootstrap_samples=200)), preference=('accuracy', dict(model='network', epochs=8)), distributions=('kl', dict(epochs=30)),
             labeler_tokens=('accuracy', dict(epochs=8, ablations=[], new_raters=10, new_rater_labels=[5])), memes=('auroc', dict(demo_rows=2400, epochs=6)))
TOY_DEMOS = dict(emotions=dict(demo_rows=300, epochs=1, bootstrap_samples=50), preference=dict(model='network', epochs=1, bootstrap_samples=50), distributions=dict(epochs=1, demo_districts=30, bootstrap_samples=50),
                 labeler_tokens=dict(epochs=1, ablations=[], bootstrap_samples=50, templates=['a {} person'], top_raters=2, new_raters=3, new_rater_labels=[5], max_train_pairs=2000), memes=dict(demo_rows=200, epochs=1, bootstrap_samples=50))


def test_score(study: str, metric: str, device: str, settings: dict) -> dict:
    "Train a study on its generated data: value, low, high of a metric on the test rows"
    from preference_lab.commands.training import study_commands, study_settings
    with tempfile.TemporaryDirectory() as d:
        known = {k: v for k, v in settings.items() if k in study_settings(study).__dataclass_fields__}
        cfg = make_config(study_settings(study), known | dict(data='demo', runs_dir=d, device=device, progress='none'), 'make gpu')
        return read_json(study_commands(study)['train'](cfg).run.folder/'results.json')['metrics']['test'][metric]


def demos() -> dict:
    """Each study's generated data: whether the score of a model trained on the device lies in the 95 % interval of the one trained on the CPU.
    Dropout draws other numbers there, so a failure is what chance does not explain: the two intervals do not meet."""
    rows, failures = [], []
    for study, (metric, settings) in DEMOS.items():
        settings = TOY_DEMOS[study] if TOY else settings
        try:
            start = time.perf_counter()
            here = test_score(study, metric, DEVICE.type, settings)
            seconds = time.perf_counter()-start
            cpu = test_score(study, metric, 'cpu', settings) if DEVICE.type != 'cpu' else here
        except (Exception, TimeLimitExceeded) as e:
            failures.append(f'{study}: {type(e).__name__}: {str(e)[:300]}')
            if isinstance(e, TimeLimitExceeded): break
            continue
        inside = bool(cpu['low'] <= here['value'] <= cpu['high'])
        rows.append(dict(what=study, metric=metric, value=here['value'], low=here['low'], high=here['high'], cpu_value=cpu['value'], cpu_low=cpu['low'], cpu_high=cpu['high'], inside=inside, seconds_on_device=seconds))
        if here['high'] < cpu['low'] or here['low'] > cpu['high']:
            failures.append(f"{study}: {metric} {here['value']:.3f} ({here['low']:.3f} to {here['high']:.3f}) is apart from the CPU's {cpu['value']:.3f} ({cpu['low']:.3f} to {cpu['high']:.3f})")
        free()
    return dict(rows=rows, failure='; '.join(failures) or None)


def cuda_cells() -> dict[str, int]:
    "Notebooks with cells that are flagged `#| cuda`, and how many"
    out = {}
    for p in sorted([*(ROOT/'nbs').rglob('*.ipynb'), *(ROOT/'tests_nbs').glob('*.ipynb')]):
        n = sum(c['cell_type'] == 'code' and any(line.strip() == '#| cuda' for line in c['source']) for c in json.loads(p.read_text(encoding='utf-8'))['cells'])
        if n: out[p.relative_to(ROOT).as_posix()] = n
    return out


def run_notebook(path: str) -> int:
    "Run the cells of a notebook in this process, with those for a GPU where there is one; the number of cells. Needs nothing of nbdev"
    import matplotlib
    matplotlib.use('Agg')
    os.chdir((ROOT/path).parent)
    names, n = dict(__name__='__main__', display=print), 0
    for cell in json.loads((ROOT/path).read_text(encoding='utf-8'))['cells']:
        source = ''.join(cell['source'])
        flags = {line.strip()[2:].strip() for line in source.splitlines() if line.startswith('#|')}
        if cell['cell_type'] != 'code' or flags & {'slow', 'realdata', 'eval: false'} or 'import nbdev' in source or 'from nbdev' in source: continue
        if 'cuda' in flags and not torch.cuda.is_available(): continue
        exec(compile(source, f"{Path(path).name}, cell {cell['id']}", 'exec'), names)
        n += 1
    return n


def cells(left) -> dict:
    "Run every `#| cuda` cell, with the cells of its notebook before it, each notebook in a process of its own"
    found, notes, failures = cuda_cells(), [], []
    todo = list(found) if DEVICE.type == 'cuda' else ['nbs/training/11_measurement.ipynb']   # a quick one, to rehearse
    if DEVICE.type != 'cuda': notes.append(f'{sum(found.values())} cells in {len(found)} notebooks are flagged cuda and were skipped: no CUDA device')
    for path in todo:
        try: r = subprocess.run([os.environ.get('PREFERENCE_LAB_PYTHON', sys.executable), __file__, '--notebook', path], capture_output=True, text=True, timeout=max(5, left()))
        except subprocess.TimeoutExpired as e: failures.append(f'{path}: stopped after {e.timeout:.0f} seconds'); continue
        lines = (r.stdout + r.stderr).strip().splitlines() or ['it said nothing']
        if r.returncode: failures.append(f"{path}: {lines[-1][:300]} ({next((line.strip() for line in reversed(lines) if ', cell ' in line), 'no cell')[:120]})")
        else: notes.append(f'{path}: {lines[-1]}')
    return dict(rows=[dict(what=p, cells=n) for p, n in found.items()], notes=notes, failure='; '.join(failures) or None)


# ---- the whole

def parts(left) -> dict:
    "Name -> function and limit in seconds; the figures come first, what must hold comes after"
    return dict(roberta_large=(roberta_large, 150), distilbert=(distilbert, 50),
                vilbert=(vilbert, 50), clip_lora=(clip_lora, 45), image_embedding=(image_embedding, 35), stacked=(stacked, 40), predict=(predict, 40), demos=(demos, 110),
                cells=(lambda: cells(lambda: left()-5), 150))


def main() -> int:
    global TOY, DEVICE, PEAK
    names = list(parts(lambda: 0))
    p = ArgumentParser(description=__doc__)
    p.add_argument('--rehearse', action='store_true', help='at toy size on the CPU, into a temporary file')
    p.add_argument('--parts', nargs='+', default=names, choices=names, metavar='PART', help=f'of {", ".join(names)}; default: all')
    p.add_argument('--out', help='file for the figures')
    p.add_argument('--seconds', type=float, default=470, help='for the whole; parts that would begin later are not begun')
    p.add_argument('--fail', help=SUPPRESS)       # a part that is made to fail, for the tests
    p.add_argument('--notebook', help=SUPPRESS)   # run this one's cells and nothing else
    a = p.parse_args()
    if a.notebook:
        print(f'{run_notebook(a.notebook)} cells were run')
        return 0
    start, TOY = time.perf_counter(), a.rehearse
    if not TOY and not torch.cuda.is_available():
        print('there is no CUDA device here: ARGS=--rehearse runs the same at toy size on the CPU', file=sys.stderr)
        return 2
    if TOY: torch.set_num_threads(1)   # toy sizes gain nothing from more, and the cores may be in use
    warnings.filterwarnings('ignore')
    DEVICE = torch.device('cpu' if TOY else 'cuda')
    name = (environment()['cpu'] or 'CPU') if TOY else torch.cuda.get_device_name()
    PEAK = None if TOY else peak_tflops(name)
    out = Path(a.out) if a.out else Path(tempfile.mkdtemp())/'rehearsal.json' if TOY else benchmark_results_path(FOLDER, name)
    left = lambda: a.seconds-(time.perf_counter()-start)
    done = dict(device=name, date=datetime.now().isoformat(timespec='seconds'), rehearsal=TOY, peak_tflops=PEAK, environment=environment(), parts={})
    for k, (part, (function, limit)) in enumerate(((n, f) for n, f in parts(left).items() if n in a.parts), 1):
        if part == a.fail: function = partial(_fail, part)
        r = done['parts'][part] = run_part(function, min(limit, left()))
        if not r['failure'] and not np.isfinite(all_numbers(r)).all(): r['failure'] = 'a figure is not finite'
        free()
        print(f"{k} of {len(a.parts)}: {part}, {r['seconds']:.0f} s" + (f": FAILED: {r['failure']}" if r['failure'] else ''), flush=True)
        for row in r.get('rows', []): print('   ', ', '.join(f'{c} {v:.4g}' if isinstance(v, float) else f'{c} {v}' for c, v in row.items() if v is not None and c != 'reference'), flush=True)
        for aim in r.get('aims', []): print('   ', f"{aim['what']}: {aim['measured']:.3g}; aim: {aim['goal']}")
        for note in r.get('notes', []): print('   ', note)
        done['seconds'] = time.perf_counter()-start
        out.parent.mkdir(parents=True, exist_ok=True)
        write_json(out, done)   # after each part, so that nothing is lost with the process
    failed = [n for n, r in done['parts'].items() if r['failure']]
    print(f"\n{len(done['parts'])-len(failed)} of {len(done['parts'])} parts in {done['seconds']:.0f} s on {name}: {out}")
    for n in failed: print(f"failed: {n}: {done['parts'][n]['failure']}")
    return int(bool(failed))


def _fail(part): raise RuntimeError(f'{part} was made to fail')


if __name__ == '__main__': sys.exit(main())
