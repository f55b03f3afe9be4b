import collections, csv

with open('seattle-weather.csv', newline='') as file:
    days = list(csv.DictReader(file))

rain = collections.Counter()
warm = collections.defaultdict(list)
for day in days:
    month = day['date'][:7]
    rain[month] += float(day['precipitation'])
    warm[month].append(float(day['temp_max']))

for year in sorted({month[:4] for month in rain}):
    total = sum(amount for month, amount in rain.items() if month.startswith(year))
    print(f"{year}  {total:6.0f} mm of rain  {'▇' * round(total / 40)}")

with open('/work/out/months.csv', 'w', newline='') as file:
    table = csv.writer(file)
    table.writerow(['month', 'rain_mm', 'mean_temp_max'])
    for month in sorted(rain):
        table.writerow([month, round(rain[month], 1), round(sum(warm[month]) / len(warm[month]), 1)])

wettest, amount = rain.most_common(1)[0]
result = {
    'days': len(days),
    'wettest_month': wettest,
    'rain_mm': round(amount, 1),
    'hottest_day': max(days, key=lambda day: float(day['temp_max']))['date'],
}
