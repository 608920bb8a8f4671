#!/usr/bin/env python
"""Run the notebooks that train, evaluate or serve as on other machines: bfloat16 or float32 forced in training, the oldest instruction set,
other matrix kernels, one thread and two, other seeds than those the cells were written with, the lowest versions that settings.ini admits,
and a newer Python with the newest versions. A table at the end counts what passed; a failure does not hide the others.
Environments of other versions are made once in .venv-portability/ (about 7 GB each)."""
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
QUICK = '''nbs/core/08_numerics nbs/evaluation/17_rounding_checks nbs/training/10_inference nbs/simulate/01_texts nbs/simulate/03_annotators
nbs/models/40_text_classifier nbs/models/05_classifier_card nbs/models/00_frozen_blocks nbs/models/03_encoder_parts nbs/studies/emotions/03_predictions nbs/studies/emotions/04_training
nbs/studies/emotions/05_evaluation nbs/studies/emotions/06_study nbs/studies/emotions/08_commands
nbs/studies/distributions/12_runs nbs/studies/distributions/13_table_inputs nbs/studies/distributions/14_export nbs/studies/distributions/19_commands nbs/studies/preference/03_training
nbs/studies/preference/04_analyses nbs/studies/preference/05_preparation
nbs/studies/preference/06_study nbs/studies/preference/07_commands nbs/data/17_ratings
nbs/evaluation/14_pairwise_agreement nbs/studies/labeler_tokens/06_batches nbs/studies/labeler_tokens/07_analyses
nbs/studies/labeler_tokens/08_preparation nbs/studies/labeler_tokens/09_training
nbs/studies/labeler_tokens/10_evaluation nbs/studies/labeler_tokens/11_study nbs/studies/labeler_tokens/12_labeled_tables nbs/studies/labeler_tokens/13_commands
nbs/studies/memes/02_data nbs/models/17_vilbert_loading
nbs/studies/memes/03_batches nbs/studies/memes/04_preparation nbs/studies/memes/05_models nbs/studies/memes/06_training
nbs/studies/memes/08_evaluation nbs/studies/memes/09_study nbs/studies/memes/14_commands nbs/studies/memes/13_new_memes nbs/studies/memes/10_report_conclusions nbs/studies/memes/11_report nbs/studies/memes/12_report_images'''.split()
FULL = QUICK + '''nbs/index nbs/training/01_losses nbs/training/17_distribution_losses nbs/evaluation/01_checks nbs/evaluation/02_bootstrap nbs/evaluation/03_paired_tests
nbs/evaluation/08_calibration nbs/evaluation/09_ranking nbs/evaluation/10_classification nbs/evaluation/11_binary nbs/evaluation/12_pairwise
nbs/evaluation/13_rater_metrics nbs/evaluation/15_distributions nbs/evaluation/16_constant_predictions
nbs/evaluation/19_baselines nbs/evaluation/20_item_scores nbs/evaluation/21_pairwise_baselines nbs/evaluation/18_thresholds
nbs/training/02_batching nbs/core/02_process nbs/training/03_devices nbs/training/05_optimization nbs/training/06_steps
nbs/training/07_history nbs/training/09_checkpoints nbs/training/12_training_steps nbs/training/13_trainer nbs/training/14_stacking
nbs/training/15_stacked_models nbs/training/16_stacked_trainer nbs/experiments/08_prediction_files nbs/reporting/01_elements
nbs/core/03_files nbs/core/19_dataset_files nbs/core/04_storage nbs/data/23_images nbs/models/01_image_encoders nbs/models/02_text_encoders nbs/models/34_embeddings
nbs/simulate/04_faces nbs/models/04_tiny_clip nbs/datasets/02_face_ratings nbs/data/32_preferences nbs/studies/pairwise/03_data
nbs/simulate/02_emotion_texts nbs/studies/emotions/10_report_conclusions nbs/studies/emotions/11_report nbs/models/35_networks
nbs/studies/distributions/03_loss nbs/studies/distributions/04_model nbs/studies/distributions/05_preparation nbs/studies/distributions/06_baselines nbs/studies/distributions/07_folds
nbs/studies/distributions/08_stacking nbs/studies/distributions/09_training
nbs/studies/distributions/10_evaluation nbs/studies/distributions/11_study nbs/studies/distributions/15_report_scores
nbs/studies/distributions/16_report_items nbs/studies/distributions/17_report_conclusions nbs/studies/distributions/18_report nbs/models/38_preference_network
nbs/models/09_preference_posteriors nbs/models/06_preference_evidence nbs/models/12_hierarchical_preferences nbs/models/10_preference_em nbs/models/24_preference_features
nbs/studies/preference/02_model nbs/studies/preference/08_report nbs/studies/preference/09_preferred_items nbs/models/11_lora nbs/models/27_lora_weights nbs/studies/labeler_tokens/02_encoders nbs/studies/labeler_tokens/03_embeddings
nbs/studies/labeler_tokens/04_model nbs/studies/labeler_tokens/05_new_raters nbs/studies/labeler_tokens/17_report nbs/studies/labeler_tokens/16_report_conclusions nbs/simulate/05_memes
nbs/data/26_items nbs/models/20_region_extractors nbs/models/21_grid_extractors nbs/models/22_object_extractors
nbs/models/23_region_extraction nbs/models/08_vilbert_config nbs/models/14_vilbert_layers nbs/models/13_vilbert_embeddings nbs/models/15_vilbert_checkpoints
nbs/models/16_vilbert nbs/models/18_vilbert_pretraining tests_nbs/00_end_to_end tests_nbs/05_preference
tests_nbs/06_distributions tests_nbs/07_labeler_tokens tests_nbs/08_memes tests_nbs/13_predict_is_evaluated
nbs/core/20_logistic_posteriors nbs/evaluation/22_decisions nbs/evaluation/23_label_distribution_baselines nbs/evaluation/24_subgroups
nbs/evaluation/25_label_groups nbs/evaluation/32_retest nbs/evaluation/27_item_rater_bootstrap nbs/evaluation/28_krippendorff
nbs/evaluation/29_kappa nbs/evaluation/30_intraclass nbs/evaluation/31_reliability nbs/evaluation/33_rater_matrix
nbs/evaluation/34_comparison_consistency nbs/evaluation/36_crossed_reml nbs/evaluation/35_crossed_cells nbs/evaluation/37_variance_components
nbs/evaluation/38_rater_quality nbs/evaluation/39_planning nbs/evaluation/40_agreement nbs/aggregation/02_majority_vote
nbs/aggregation/03_latent_labels nbs/aggregation/04_dawid_skene nbs/aggregation/05_one_coin nbs/aggregation/06_mace
nbs/aggregation/07_glad nbs/aggregation/08_crowdlab nbs/aggregation/10_bradley_terry nbs/aggregation/11_quasi_errors
nbs/aggregation/12_plackett_luce nbs/aggregation/13_rating_means nbs/aggregation/14_consensus_tables nbs/models/36_rater_prompts
nbs/models/39_preference_predictor nbs/models/29_preference_prototypes nbs/models/30_scene_clip nbs/models/32_clip_fusion
nbs/simulate/06_scenes nbs/simulate/09_rating_sessions nbs/experiments/12_ensembles nbs/experiments/18_start_weights
nbs/studies/judgements/04_evaluation nbs/studies/judgements/05_study nbs/studies/judgements/08_commands tests_nbs/10_numbers tests_nbs/17_tables
nbs/evaluation/04_jackknife_t nbs/evaluation/05_paired_differences nbs/evaluation/06_auroc nbs/evaluation/07_crossed_clusters
nbs/evaluation/41_significance nbs/evaluation/42_bca nbs/evaluation/43_calibration_error nbs/evaluation/44_conformal
nbs/evaluation/45_abstention nbs/evaluation/46_decision_summary nbs/evaluation/50_model_judges
nbs/evaluation/51_alternative_annotator_test nbs/evaluation/52_judge_bias nbs/evaluation/53_prediction_powered
nbs/evaluation/54_prediction_powered_tables nbs/evaluation/60_perspectivism nbs/evaluation/61_rater_evaluation
nbs/models/25_rater_effects nbs/data/73_rater_scales nbs/training/00_sharding nbs/studies/distributions/14_export nbs/models/45_onnx_text_export nbs/models/37_text_lengths nbs/data/41_feature_columns nbs/data/49_rankings nbs/studies/02_exploration
nbs/studies/05_raters nbs/studies/06_rater_report nbs/studies/pairwise/04_study'''.split()


def numpy_features() -> str:
    "Instruction sets that NumPy chooses at run time and uses here"
    code = 'from numpy._core._multiarray_umath import __cpu_features__ as f, __cpu_dispatch__ as d; print(*(x for x in d if f.get(x)))'
    return subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout.strip()


def cpu_info() -> str:
    "What the system says of its processor"
    path = Path('/proc/cpuinfo')
    return path.read_text(errors='replace') if path.is_file() else platform.processor()


def conditions() -> dict[str, dict[str, str]]:
    "Name -> environment; an empty value takes a variable away"
    old = dict(ATEN_CPU_CAPABILITY='default', NPY_DISABLE_CPU_FEATURES=numpy_features(), ONEDNN_MAX_CPU_ISA='SSE41', MKL_ENABLE_INSTRUCTIONS='SSE4_2',
               OPENBLAS_L2_SIZE='', PORTABILITY_AUTO='fp32')   # such a processor multiplies no bfloat16
    kernels = {k: name for k, (name, flag) in dict(haswell=('Haswell', 'avx2'), skylakex=('SkylakeX', 'avx512f')).items() if flag in cpu_info()}
    cache = Path(os.environ.get('PREFERENCE_LAB_CACHE') or Path.home()/'.cache'/'preference_lab').expanduser()/'portability'   # what other seeds draw must not meet what these drew
    threads = lambda n: dict.fromkeys(('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'), str(n))
    return {'bf16': dict(PORTABILITY_AUTO='bf16'), 'fp32': dict(PORTABILITY_AUTO='fp32'), 'oldest': old | dict(OPENBLAS_CORETYPE='Nehalem'),
            **{k: dict(OPENBLAS_CORETYPE=v, OPENBLAS_L2_SIZE='') for k, v in kernels.items()},
            'thread1': threads(1), 'thread2': threads(2), **{f'seeds{k}': dict(PORTABILITY_SEEDS=str(1000*k), PREFERENCE_LAB_CACHE=str(cache/f'seeds{k}')) for k in (1, 2, 3)},
            **{k: {} for k in VERSIONS}}


def lowest_versions() -> list[str]:
    "The oldest release of each requirement that settings.ini admits, as pip constraints"
    settings = ConfigParser(interpolation=None)
    settings.read(ROOT/'settings.ini', encoding='utf-8')
    needed = {str(r.name): r.specifier for k in ('requirements', 'images_requirements', 'memes_requirements', 'sweeps_requirements', 'formats_requirements',
                                                                      'explore_requirements', 'onnx_requirements') for r in map(Requirement, settings['DEFAULT'][k].split())}

    def lowest(name):
        r = subprocess.run([sys.executable, '-m', 'pip', 'index', 'versions', name], capture_output=True, text=True)
        if not (found := re.search(r'Available versions: (.*)', r.stdout)): raise SystemExit(f'{name}: the package index lists no versions\n{r.stderr}')
        return f'{name}=={min(needed[name].filter(map(Version, found[1].split(", "))))}'
    with ThreadPoolExecutor(4) as pool: return list(pool.map(lowest, sorted(needed)))


def newer_python() -> str | None:
    "A Python newer than this one; $PORTABILITY_PYTHON names one"
    if named := os.environ.get('PORTABILITY_PYTHON'): return named
    minors = range(19, sys.version_info.minor, -1)
    found = [shutil.which(f'python3.{n}') for n in minors] + [str(p) for n in minors for p in sorted(Path.home().glob(f'.pyenv/versions/3.{n}.*/bin/python3'))]
    works = lambda p: subprocess.run([p, '-c', 'import sys; sys.exit(sys.version_info[1] not in range(12, 20))'], capture_output=True).returncode == 0
    return next((p for p in found if p and works(p)), None)


def other_versions(name: str) -> Path:
    "The Python of an environment of other versions, made or brought up to date where settings.ini is newer; a RuntimeError says why not"
    folder = ROOT/'.venv-portability'/name
    python, stamp = folder/'bin'/'python', folder/'.made'
    if stamp.exists() and stamp.stat().st_mtime >= (ROOT/'settings.ini').stat().st_mtime: return python
    base = sys.executable if name == 'lowest' else newer_python()
    if base is None: raise RuntimeError('no Python 3.12 or newer was found; name one in PORTABILITY_PYTHON')
    print(f'{name}: an environment is made in {folder} …', flush=True)
    subprocess.run([base, '-m', 'venv', '--clear', folder], check=True)
    env = {k: v for k, v in os.environ.items() if k != 'PIP_CONSTRAINT'}
    if name == 'lowest':
        (folder/'constraints.txt').write_text('\n'.join(lowest_versions()) + '\n')
        env['PIP_CONSTRAINT'] = str(folder/'constraints.txt')
    r = subprocess.run([python, '-m', 'pip', 'install', '-q', '-e', f'{ROOT}[dev]'], env=env, capture_output=True, text=True)
    if r.returncode: raise RuntimeError(r.stderr.strip().splitlines()[-1])
    stamp.touch()
    return python


VERSIONS = ('lowest', 'newest')


def versions(python: Path) -> str:
    "Python's version and those of what computes"
    code = ('import platform; from importlib.metadata import version as v; '
            'print("Python", platform.python_version(), *(f"{p} {v(p)}," for p in ("torch", "transformers", "numpy", "pandas", "scikit-learn")))')
    return subprocess.run([python, '-c', code], capture_output=True, text=True).stdout.strip().rstrip(',')


def machine(env: dict[str, str], python: Path) -> str:
    "What really computes in a condition"
    code = ('import numpy as np, scipy.linalg, torch, threadpoolctl as t; np.ones((9, 9))@np.ones((9, 9)); '
            'print(torch.backends.cpu.get_cpu_capability(), *(f"{x[\'internal_api\']}:{x.get(\'architecture\')}" for x in t.threadpool_info() if x["user_api"] == "blas"))')
    r = subprocess.run([python, '-c', code], capture_output=True, text=True, env=env)
    return r.stdout.strip() if not r.returncode else f'not known: {r.stderr.strip().splitlines()[-1]}'


def environment(changes: dict[str, str]) -> dict[str, str]:
    "This process's environment with a condition's changes"
    env = os.environ | changes
    env['PYTHONPATH'] = os.pathsep.join(p for p in (str(ROOT/'.ci'/'hooks'), os.environ.get('PYTHONPATH')) if p)
    return {k: v for k, v in env.items() if v}


def run(name: str, changes: dict[str, str], paths: list[str], jobs: int) -> dict:
    "Run notebooks under a condition: counts, seconds, and the failures"
    env, start = environment(changes), time.time()
    try: python = other_versions(name) if name in VERSIONS else Path(sys.executable)
    except RuntimeError as e:
        print(f'\n== {name}: not run: {e}', flush=True)
        return dict(name=name, passed=0, failed=len(paths), seconds=round(time.time()-start), computes='not run', failures=[str(e)])
    used = machine(env, python) + (f'; {versions(python)}' if name in VERSIONS else '')
    print(f'\n== {name}: {" ".join(f"{k}={v[:60]}" for k, v in changes.items())}\n   {used}', flush=True)
    process = subprocess.Popen([python, str(ROOT/'.ci'/'test.py'), f'--jobs={jobs}', *paths], env=env | dict(PYTHONIOENCODING='utf-8'), cwd=ROOT,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding='utf-8', errors='replace')
    lines = []
    for line in process.stdout:
        print(line, end='', flush=True)
        lines.append(line)
    process.wait()
    ended = {m[2]: m[1] for line in lines if (m := re.match(r'([✓✗]) (\S+\.ipynb) +[\d.]+ s ', line))}
    passed, failed = (list(ended.values()).count(mark) for mark in '✓✗')
    lost = len(paths) - passed - failed   # notebooks that never came to an end are failures
    if process.returncode and not failed + lost: lost = 1   # the run itself went wrong
    return dict(name=name, passed=passed, failed=failed+lost, seconds=round(time.time()-start), computes=used,
                failures=[line.removeprefix('failed: ').strip() for line in lines if line.startswith('failed: ')])


def table(rows: list[dict]) -> str:
    "The results as Markdown"
    about = next((line.split(':', 1)[1].strip() for line in cpu_info().splitlines() if line.startswith('model name')), platform.processor())
    lines = [f'{about}, {os.cpu_count()} cores, Python {platform.python_version()}', '', '| condition | notebooks passed | failed | seconds | computed by |', '|---|---|---|---|---|']
    lines += [f"| {r['name']} | {r['passed']} | {r['failed']} | {r['seconds']} | {r['computes']} |" for r in rows]
    return '\n'.join(lines + [f"- {r['name']}: {f}" for r in rows for f in r['failures']]) + '\n'


def main() -> int:
    known = conditions()
    p = ArgumentParser(description=__doc__)
    p.add_argument('names', nargs='*', metavar='condition', help=f'default: all of {", ".join(known)}')
    p.add_argument('--quick', action='store_true', help='the notebooks of the studies alone')
    p.add_argument('--notebooks', nargs='+', help='these instead')
    p.add_argument('--jobs', type=int, default=min(2, os.cpu_count() or 1))
    p.add_argument('--out', help='file for the table')
    a = p.parse_args()
    if wrong := [n for n in a.names if n not in known]: p.error(f'unknown condition {wrong[0]}; take {", ".join(known)}')
    paths = a.notebooks or [f'{n}.ipynb' for n in (QUICK if a.quick else FULL)]
    rows = [run(n, known[n], paths, a.jobs) for n in a.names or known]
    print('\n' + table(rows))
    if a.out: Path(a.out).write_text(table(rows), encoding='utf-8')
    failed = sum(r['failed'] for r in rows)
    print(f'{len(rows)} conditions, {sum(r["passed"] for r in rows)} notebooks passed, {failed} failed')
    return int(bool(failed))


if __name__ == '__main__': sys.exit(main())
