from marl_edu import results
import sys,glob,os
for n in sorted(os.listdir('book/results')):
    if '-maze' in n or '-tv' in n:
        try: R=results.load(n)
        except FileNotFoundError: continue
        f=[next((x['env_steps'] for x in r['rows'] if x['found']),None) for r in R]
        print(n,len(R),'solved',sum(r['evaluation']['success_sampling']>=.9 for r in R),'found',sum(x is not None for x in f),'first',[round(x/1e3) if x else None for x in f],'cov',[round(r['rows'][-1]['coverage'],2) for r in R],'remote',[round(sum(x['action_4'] for x in r['rows'])/len(r['rows']),2) for r in R],'cpu',round(sum(r['cpu_seconds'] for r in R)/len(R),1))
